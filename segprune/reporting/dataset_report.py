"""One data set: its trained networks, judged against their targets, its sweep, and other records.

The gates judge; a report requires the whole gain in speed, while tests may require a share of it
(`Policy.speedup_share`), because other work may slow down their machine.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Literal

from segprune.gates.accuracy import gate_budget, gate_dense, gate_floors
from segprune.gates.criteria import Criteria
from segprune.gates.policy import Budget, Policy
from segprune.gates.speed import gate_measured
from segprune.gates.targets import floors_of
from segprune.gates.verdict import Status, joined
from segprune.records.evaluation import EvaluationRecord
from segprune.records.prune import Size
from segprune.records.score import Score
from segprune.records.sensitivity import SensitivityRecord
from segprune.records.speed import SpeedComparison, SpeedInput
from segprune.records.sweep import SpeedRecord
from segprune.records.training import TrainingRecord
from segprune.reporting.store import Collection
from segprune.reporting.sweep_points import Sweep, slowest, sweep_of
from segprune.reporting.trained import ELSEWHERE, REFERENCES, Trained, trained_networks

__all__ = [
    "DatasetReport", "Row", "TargetResult", "dataset_reports", "judge", "judge_dense",
    "results_rows",
]  # fmt: skip

Kind = Literal["kept", "missed", "open", "none"]
_KINDS: dict[Status, Kind] = {
    Status.PASS: "kept", Status.FAIL: "missed", Status.INCONCLUSIVE: "open",
}  # fmt: skip


@dataclass(frozen=True)
class TargetResult:
    """`kept`, `missed`, `open` (the measurements do not decide) or `none` (there is no target)."""

    kind: Kind
    reasons: tuple[str, ...] = ()


NO_TARGETS = TargetResult("none")


@dataclass(frozen=True)
class Row:
    """A line of the headline table.

    Attributes:
        dense: what it is compared with; None where no dense network is recorded.
        speed: paired measurement against the dense network, or None.
        targets: whether the mean over the seeds keeps them.
        budget: its targets; None for dense networks and for controls.
    """

    trained: Trained
    dense: Trained | None
    speed: SpeedRecord | None
    targets: TargetResult
    budget: Budget | None = None

    @property
    def loss(self) -> float | None:
        """Points of mIoU below dense."""
        return None if self.dense is None else 100 * (self.dense.miou - self.trained.miou)

    @property
    def is_reference(self) -> bool:
        """Whether it is the teacher, the teacher trained on, or what others are compared with."""
        return self.trained.variant in REFERENCES or self.dense is self.trained

    @property
    def is_compared(self) -> bool:
        """Whether it is a pruned network's, and a dense one is there to compare it with."""
        return self.dense is not None and not self.is_reference


@dataclass(frozen=True)
class DatasetReport:
    """One data set.

    Attributes:
        dense: mIoU by network, in [0, 1]: the better of the teacher and the teacher trained on,
            where both are recorded.
        sensitivities: by name: those of the dense networks of this data set.
        evaluations: by name: whatever was evaluated on it, apart from a training.
    """

    data: str
    rows: tuple[Row, ...]
    sweep: Sweep | None
    dense: Mapping[str, float]
    sensitivities: Mapping[str, SensitivityRecord]
    evaluations: Mapping[str, EvaluationRecord]

    @property
    def trainings(self) -> tuple[TrainingRecord, ...]:
        """Records of the networks that were trained here."""
        return tuple(
            record
            for row in self.rows
            if row.trained.variant != ELSEWHERE
            for record in row.trained.records
        )

    @property
    def networks(self) -> tuple[str, ...]:
        """Names of all networks."""
        swept = {network.name for network in self.sweep.networks} if self.sweep else set()
        return tuple(sorted(swept | {row.trained.network for row in self.rows}))

    def has(self, speed: SpeedRecord) -> bool:
        """Whether a measurement is of one of its networks, trained or swept."""
        artifacts = {record.artifact for record in self.trainings}
        plans = {record.plan for record in self.trainings}
        if self.sweep is not None:
            plans |= {cell.outcome.plan for cell in self.sweep.cells if cell.outcome is not None}
        return speed.candidate_artifact in artifacts or speed.candidate_plan in plans

    def speeds_of(self, collection: Collection) -> list[SpeedRecord]:
        """Return the measurements of its networks."""
        return [speed for speed in collection.speeds if self.has(speed)]

    @property
    def compared(self) -> tuple[tuple[Row, ...], ...]:
        """Rows of each network with a pruned variant and a dense one to compare it with."""
        groups = groupby(self.rows, key=lambda row: row.trained.network)
        found = [tuple(rows) for _, rows in groups]
        return tuple(rows for rows in found if any(row.is_compared for row in rows))


def dataset_reports(collection: Collection, policy: Policy) -> tuple[DatasetReport, ...]:
    """One report a data set, by name; errors as for `results_rows` and `sweep_of`."""
    return tuple(_report(collection, policy, data) for data in collection.datasets)


def _report(collection: Collection, policy: Policy, data: str) -> DatasetReport:
    rows, sweep = (
        results_rows(collection, policy, data),
        sweep_of(collection, data, policy),
    )
    dense, digests = {}, {}
    for row in rows:
        if row.dense is not None:
            dense[row.trained.network] = row.dense.miou
            digests[row.trained.network] = row.dense.records[0].validation_digest
    if sweep is not None:
        for cell in sweep.cells:
            # Scores on another split are no yardstick.
            if digests.get(cell.network) != cell.validation_digest:
                dense[cell.network] = cell.dense_score.miou
    files = {record.artifact for row in rows for record in row.trained.records}
    files |= {network.source for network in sweep.networks} if sweep else set()
    sensitivities = {
        name: record for name, record in collection.sensitivities.items() if record.weights in files
    }
    evaluations = {n: r for n, r in collection.evaluations.items() if r.data == data}
    return DatasetReport(data, rows, sweep, dense, sensitivities, evaluations)


# -- trained networks ------------------------------------------------------------------------------


def results_rows(collection: Collection, policy: Policy, data: str) -> tuple[Row, ...]:
    """Judge all trained networks of a data set, in the order of `trained_networks`.

    Raises:
        InputError: as for `trained_networks`.
    """
    records = [record for record in collection.trainings if record.data == data]
    return tuple(
        _row(trained, dense, own, collection, policy)
        for own, dense in trained_networks(records)
        for trained in own
    )


def _row(
    trained: Trained, dense: Trained | None, own: Sequence[Trained], collection: Collection,
    policy: Policy,
) -> Row:  # fmt: skip
    if trained.variant in REFERENCES:
        return Row(trained, dense, None, judge_dense(policy, trained.data, trained.miou))
    usual = trained.records[0].input
    at = policy.speed_input(trained.data, usual)
    speed = _speed_of(trained, dense, own, collection.speeds, at)
    budget = policy.budget_of(trained.data, trained.network, trained.variant)
    if dense is None:
        unknown = TargetResult("open", ("no dense network is recorded to compare with",))
        return Row(trained, None, speed, unknown if budget else NO_TARGETS, budget)
    if budget is None:
        return Row(trained, dense, speed, NO_TARGETS)
    first = trained.records[0]
    result = judge(
        budget, first.classes, dense.score, Size(first.dense_params, first.dense_macs, 0),
        trained.score, Size(round(trained.params), round(trained.macs), 0),
        speed.speed if speed else None,
    )  # fmt: skip
    return Row(trained, dense, speed, result, budget)


def _speed_of(
    trained: Trained, dense: Trained | None, own: Sequence[Trained],
    speeds: Sequence[SpeedRecord], at: SpeedInput,
) -> SpeedRecord | None:  # fmt: skip
    """Return its measurement against the dense network on one CPU thread, at a size of input.

    Measurements of the file count, or else those of the plan.
    """
    named = {r.artifact for t in own if t.variant in REFERENCES for r in t.records}
    references = named | {record.artifact for record in dense.records} if dense else set()
    against_dense = [
        speed
        for speed in speeds
        if speed.at == at
        and (speed.speed.device, speed.speed.threads) == ("cpu", 1)
        and (not references or speed.reference_artifact in (None, *references))
    ]
    files = {record.artifact for record in trained.records}
    plans = {record.plan for record in trained.records}
    by_file = [speed for speed in against_dense if speed.candidate_artifact in files]
    return slowest(by_file or [s for s in against_dense if s.candidate_plan in plans])


# -- judgements ------------------------------------------------------------------------------------


def judge(
    budget: Budget, classes: tuple[str, ...], dense: Score, dense_size: Size, score: Score,
    size: Size, speed: SpeedComparison | None, *, speedup_share: float = 1.0,
) -> TargetResult:  # fmt: skip
    """Return what the gates of size, accuracy and speed say of a pruned network together.

    Args:
        dense, dense_size: of the dense network, which has these classes.
        speedup_share: the share of the gain in speed to require; gates use the policy's.
    """
    terms = Criteria(budget, speedup_share=speedup_share)
    floors = floors_of(terms, classes, dense, dense_size)
    verdicts = (
        gate_budget(size, dense_size, floors),
        gate_floors(score, classes, dense.miou, floors),
        gate_measured(speed, floors.speedup),
    )
    status = joined(verdicts).status
    if status is Status.PASS:
        return TargetResult("kept")
    reasons = [r for verdict in verdicts if verdict.status is status for r in verdict.reasons]
    return TargetResult(_KINDS[status], tuple(reasons))


def judge_dense(policy: Policy, data: str, miou: float) -> TargetResult:
    """Return whether a dense network is good enough to be a baseline."""
    least = policy.dense.get(data)
    if least is None:
        return NO_TARGETS
    if gate_dense(miou, least).is_green:
        return TargetResult("kept")
    reason = f"mIoU {100 * miou:.2f}, a baseline needs {100 * least:g}"
    return TargetResult("missed", (reason,))
