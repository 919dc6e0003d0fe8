"""Find the measurements that the page does not show, each with the reason."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby

from segprune.format import budget_words
from segprune.gates.policy import Policy
from segprune.records.sweep import RECOVERIES, SpeedRecord
from segprune.reporting.dataset_report import DatasetReport
from segprune.reporting.main_table import is_in_speed_table
from segprune.reporting.store import Collection
from segprune.reporting.sweep_summary import compared

__all__ = ["left_out"]


def left_out(
    found: Sequence[DatasetReport], collection: Collection, policy: Policy
) -> tuple[str, ...]:
    """Return a sentence for each measurement that no table or picture shows."""
    return (
        *_speeds(found, collection, policy),
        *(sentence for report in found for sentence in _undrawn(report)),
        *(sentence for report in found for sentence in _not_compared(report)),
    )


def _speeds(
    found: Sequence[DatasetReport], collection: Collection, policy: Policy
) -> Iterator[str]:
    for speed in collection.speeds:
        if not any(_is_shown(speed, report) for report in found):
            yield f"Speed of {speed.candidate} ({speed.name}): {_why(speed, found, policy)}."


def _is_shown(speed: SpeedRecord, report: DatasetReport) -> bool:
    if any(is_in_speed_table(speed, row) for row in report.rows):
        return True
    return report.sweep is not None and any(point.speed is speed for point in report.sweep.points)


def _why(speed: SpeedRecord, found: Sequence[DatasetReport], policy: Policy) -> str:
    report = next((report for report in found if report.has(speed)), None)
    if report is None:
        return "no training and no cell of a sweep among these records has its network"
    inputs = [record.input for record in report.trainings]
    inputs += [cell.input for cell in report.sweep.cells] if report.sweep else []
    at = policy.speed_input(report.data, inputs[0])
    if speed.at != at:
        return f"measured on input {speed.at}, and what counts on {report.data} is {at}"
    if (speed.speed.device, speed.speed.threads) != ("cpu", 1):
        on = speed.speed.device if speed.speed.device != "cpu" else f"{speed.speed.threads} threads"
        return f"measured on {on}, and what counts is one CPU thread"
    if speed.reference_artifact not in (None, *_references(report)):
        return "measured against another dense network than that of these records"
    return "measured more than once, and the lowest of its speed-ups counts"


def _references(report: DatasetReport) -> set[str]:
    found = {record.artifact for row in report.rows if row.dense for record in row.dense.records}
    return found | (
        {network.source for network in report.sweep.networks} if report.sweep else set()
    )


def _undrawn(report: DatasetReport) -> Iterator[str]:
    """Yield a sentence for each trained network that is in the table, and not in the picture."""
    drawn = {rows[0].trained.network for rows in report.compared}
    for network, rows in groupby(report.rows, key=lambda row: row.trained.network):
        if network not in drawn and not all(row.is_reference for row in rows):
            yield (
                f"{network} on {report.data}: not in the picture of trained networks, for no dense "
                "network is recorded to compare it with."
            )


def _not_compared(report: DatasetReport) -> Iterator[str]:
    """Yield a sentence for each trained cell that the picture of recoveries leaves out."""
    sweep = report.sweep
    for network in sweep.networks if sweep is not None else ():
        assert sweep is not None
        full = dict(compared(sweep, network.name))
        for point in sweep.find(network.name):
            trained = point.recovery in RECOVERIES[2:]
            if trained and point.strategy not in full.get(point.budget, ()):
                yield (
                    f"{network.name} on {report.data}, {budget_words(point.budget)}, "
                    f"{point.strategy}, {point.recovery}: not part of what recovery buys, for it "
                    "was not recovered in each of the ways that others were."
                )
