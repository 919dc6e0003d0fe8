"""Trained networks side by side: variants of a network, their seeds, and the dense one to beat.

"Dense" is the better of the teacher (`dense`) and the teacher trained on for as many steps as the
recovery took (`dense-continued`): a recovery is not credited with what more training alone would
have brought.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from segprune.errors import InputError
from segprune.gates.policy import Budget, Policy
from segprune.gates.targets import Figures
from segprune.records.baseline import Size
from segprune.records.score import Score
from segprune.records.sweep import SpeedRecord
from segprune.records.training import TrainingRecord
from segprune.reporting.store import Collection
from segprune.reporting.targets import NO_TARGETS, TargetResult, judge, judge_dense
from segprune.reporting.trained_elsewhere import ELSEWHERE, dense_before_recovery
from segprune.speed import SpeedInput

__all__ = ["CONTINUED", "DENSE", "Row", "Trained", "mean", "results_rows", "slowest"]

DENSE, CONTINUED = "dense", "dense-continued"
_REFERENCES = (DENSE, CONTINUED, ELSEWHERE)


@dataclass(frozen=True)
class Trained:
    """One variant of a network with all of its seeds, lowest first."""

    network: str
    data: str
    variant: str
    records: tuple[TrainingRecord, ...]

    @property
    def title(self) -> str:
        """Network and variant, as notes below a table name it."""
        return f"{self.network} {self.variant}"

    @property
    def mious(self) -> tuple[float, ...]:
        """Of each seed, in [0, 1]."""
        return tuple(record.scores["result"].miou for record in self.records)

    @property
    def miou(self) -> float:
        """Mean over the seeds."""
        return mean(self.mious)

    @property
    def class_iou(self) -> tuple[float | None, ...]:
        """Mean over the seeds; None where a seed has none."""
        columns = zip(*(record.scores["result"].class_iou for record in self.records), strict=True)
        return tuple(
            None if None in column else mean([iou for iou in column if iou is not None])
            for column in columns
        )

    @property
    def score(self) -> Score:
        """Means over the seeds."""
        scores = [record.scores["result"] for record in self.records]
        right = mean([score.pixel_accuracy for score in scores])
        return Score(self.miou, self.class_iou, right, scores[0].images)

    @property
    def macs(self) -> float:
        """Mean over the seeds: each may have a plan of its own."""
        return mean([record.macs for record in self.records])

    @property
    def params(self) -> float:
        """Mean over the seeds."""
        return mean([record.params for record in self.records])

    @property
    def macs_share(self) -> float:
        """Of the dense network's MACs that are left."""
        return self.macs / self.records[0].dense_macs

    @property
    def params_share(self) -> float:
        """Of the dense network's parameters that are left."""
        return self.params / self.records[0].dense_params

    @property
    def parts(self) -> int:
        """Networks whose weights each of its seeds is the mean of; 1 where it is no mean."""
        return len(self.records[0].sections["network"].get("average_of", ("itself",)))

    @property
    def is_dense(self) -> bool:
        """Whether nothing was pruned."""
        return all(record.macs == record.dense_macs for record in self.records)


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
        return self.trained.variant in _REFERENCES or self.dense is self.trained

    @property
    def is_compared(self) -> bool:
        """Whether it is a pruned network's, and a dense one is there to compare it with."""
        return self.dense is not None and not self.is_reference


def results_rows(collection: Collection, policy: Policy, data: str) -> tuple[Row, ...]:
    """All trained networks of a data set: by network, dense first, then from large to small.

    Raises:
        InputError: records that cannot stand in one table; they are named.
    """
    groups = _grouped([r for r in collection.trainings if r.data == data])
    rows = []
    for network in sorted({trained.network for trained in groups}):
        own = [trained for trained in groups if trained.network == network]
        _require_alike(own)
        dense = baseline(own)
        before = (
            None
            if dense
            else dense_before_recovery([r for trained in own for r in trained.records])
        )
        if before is not None:
            dense = Trained(network, data, ELSEWHERE, (before,))
            own.append(dense)
        rows += [
            _row(trained, dense, own, collection, policy) for trained in sorted(own, key=_order)
        ]
    return tuple(rows)


def baseline(variants: Sequence[Trained]) -> Trained | None:
    """The better of the teacher and the teacher trained on; None where neither is recorded.

    Their variants name them, or else the file that a recovery began with. A run that is named as
    the teacher is not it if none of the recoveries began with it.
    """
    found = [trained for trained in variants if trained.variant in (DENSE, CONTINUED)]
    sources = {record.source for trained in variants for record in trained.records}
    teachers = [t for t in variants if t.is_dense and any(r.artifact in sources for r in t.records)]
    begun = any(r.source for t in variants if not t.is_dense and t.parts == 1 for r in t.records)
    strange = begun and any(t.variant == DENSE and t not in teachers for t in found)
    if strange or not found:
        found = teachers
    # Of equals the teacher: it is what the user has already.
    return max(found, key=lambda t: (t.miou, t.variant == DENSE), default=None)


def slowest(found: Sequence[SpeedRecord]) -> SpeedRecord | None:
    """Of several measurements the one that promises least; None where there is none."""
    return min(found, key=lambda record: (record.speed.low, record.name), default=None)


def mean(values: Sequence[float]) -> float:
    """Arithmetic mean, the same in any order."""
    return math.fsum(values) / len(values)


# -- joining ---------------------------------------------------------------------------------------


def _grouped(records: Sequence[TrainingRecord]) -> list[Trained]:
    groups: dict[tuple[str, str], list[TrainingRecord]] = {}
    for record in records:
        groups.setdefault((record.network, record.variant), []).append(record)
    for (network, variant), own in groups.items():
        seeds = [record.seed for record in own]
        if len(set(seeds)) < len(seeds):
            raise InputError(
                f"records of {network} {variant}: expected one a seed, found seeds "
                f"{', '.join(map(str, sorted(seeds)))} in {', '.join(r.name for r in own)}; remove "
                "one, or give it a variant of its own."
            )
        if len({record.recipe_digest for record in own}) > 1:
            raise InputError(
                f"records of {network} {variant}: expected one recipe with several seeds, found "
                f"different ones in {', '.join(r.name for r in own)}; give them variants of their "
                "own."
            )
    return [
        Trained(network, own[0].data, variant, tuple(sorted(own, key=lambda record: record.seed)))
        for (network, variant), own in groups.items()
    ]


def _require_alike(variants: Sequence[Trained]) -> None:
    records = [record for trained in variants for record in trained.records]
    for what, values in (
        ("validation images", {record.validation_digest for record in records}),
        ("input size", {record.input for record in records}),
        ("dense network", {(record.dense_params, record.dense_macs) for record in records}),
    ):
        if len(values) > 1:
            names = ", ".join(record.name for record in records)
            raise InputError(
                f"records of {variants[0].network}: expected one {what}, found {len(values)} in "
                f"{names}; only like can be compared with like. Name the network differently."
            )


def _order(trained: Trained) -> tuple[int, float, str]:
    rank = (*_REFERENCES, trained.variant).index(trained.variant)
    return rank, -trained.macs, trained.variant


def _row(
    trained: Trained, dense: Trained | None, own: Sequence[Trained], collection: Collection,
    policy: Policy,
) -> Row:  # fmt: skip
    if trained.variant in _REFERENCES:
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
    found = Figures(
        size=Size(round(trained.params), round(trained.macs), 0),
        dense_size=Size(first.dense_params, first.dense_macs, 0),
        miou=trained.miou,
        dense_miou=dense.miou,
        class_iou=dict(zip(first.classes, trained.class_iou, strict=True)),
        speedup=(speed.speed.low, speed.speed.high) if speed else None,
    )
    return Row(trained, dense, speed, judge(budget, first.classes, dense.score, found), budget)


def _speed_of(
    trained: Trained, dense: Trained | None, own: Sequence[Trained],
    speeds: Sequence[SpeedRecord], at: SpeedInput,
) -> SpeedRecord | None:  # fmt: skip
    """Its measurement against the dense network on one CPU thread, at a size of input.

    By file, or else by plan.
    """
    named = {r.artifact for t in own if t.variant in _REFERENCES for r in t.records}
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
