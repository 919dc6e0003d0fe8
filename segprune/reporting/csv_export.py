"""RESULTS.csv: the same rows as RESULTS.md for a spreadsheet or a script, one a network or cell.

Plain figures without units: mIoU as a fraction in [0, 1], parameters and MACs as shares of the
dense network's. An empty place is a figure that was not measured.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator

from segprune.gates.policy import Policy
from segprune.records.sweep import SpeedRecord
from segprune.reporting.dataset_report import DatasetReport, Row, dataset_reports
from segprune.reporting.store import Collection
from segprune.reporting.sweep_points import Point
from segprune.reporting.trained import Trained

__all__ = ["COLUMNS", "results_csv"]

COLUMNS = (
    "data", "network", "variant", "budget", "importance", "scope", "recovery", "seeds", "mean_of",
    "miou", "miou_lowest", "miou_highest", "miou_change", "params_share", "macs_share", "speedup",
    "speedup_low", "speedup_high", "failure",
)  # fmt: skip
"""`variant` is of a training, `budget` to `recovery` are of a cell of a sweep; `miou` is the mean
over `seeds` seeds, of which each has the mean weights of `mean_of` networks; `miou_change` is what
that is above or below the dense network's."""

Cell = str | int | float | None


def results_csv(collection: Collection, policy: Policy) -> str:
    """Return the rows as comma-separated values; the same records give the same bytes.

    Raises:
        InputError: as for `results_page`.
    """
    stream = io.StringIO()
    writer = csv.DictWriter(stream, COLUMNS, lineterminator="\n")
    writer.writeheader()
    for report in dataset_reports(collection, policy):
        for row in report.rows:
            writer.writerow(_trained(row, report))
        for point in report.sweep.points if report.sweep else ():
            writer.writerow(_swept(point, report))
    return stream.getvalue()


def _trained(row: Row, report: DatasetReport) -> dict[str, Cell]:
    trained = row.trained
    return {
        "data": report.data,
        "network": trained.network,
        "variant": trained.variant,
        "mean_of": trained.parts,
        "params_share": trained.params_share,
        "macs_share": trained.macs_share,
        **dict(_scores(trained, row.dense.miou if row.dense else None)),
        **dict(_speed(row.speed)),
    }


def _swept(point: Point, report: DatasetReport) -> dict[str, Cell]:
    kind, share = point.budget
    return {
        "data": report.data,
        "network": point.network,
        "budget": f"{kind} {share:g}",
        "importance": point.strategy.importance,
        "scope": point.strategy.scope,
        "recovery": point.recovery,
        "params_share": point.params if point.mious else None,
        "macs_share": point.macs if point.mious else None,
        **dict(_scores(point, report.dense.get(point.network))),
        **dict(_speed(point.speed)),
        "failure": "; ".join(" ".join(failure.split()) for failure in point.failures),
    }


def _scores(found: Trained | Point, dense: float | None) -> Iterator[tuple[str, Cell]]:
    yield "seeds", len(found.mious)
    if found.mious:
        yield "miou", found.miou
        yield "miou_lowest", min(found.mious)
        yield "miou_highest", max(found.mious)
        yield "miou_change", None if dense is None else found.miou - dense


def _speed(measured: SpeedRecord | None) -> Iterator[tuple[str, Cell]]:
    if measured is not None:
        yield "speedup", measured.speed.speedup
        yield "speedup_low", measured.speed.low
        yield "speedup_high", measured.speed.high
