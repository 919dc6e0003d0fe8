"""Trained networks: each variant with all of its seeds, and the dense network to compare it with.

The dense network is the better of the teacher (`dense`) and the teacher trained on for as many
steps as the recovery took (`dense-continued`), so that a recovery gets no credit for what more
training alone would have brought. Where neither is recorded, it is the network that the recoveries
began with (`dense-elsewhere`), which is known only from their records.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from segprune.errors import InputError
from segprune.records.run_facts import recipe_digest
from segprune.records.score import Score
from segprune.records.training import TrainingRecord, Work
from segprune.training.recipe import parse_recipe
from segprune.training.toml import to_toml

__all__ = [
    "CONTINUED", "DENSE", "ELSEWHERE", "REFERENCES", "Trained", "mean", "require_alike",
    "trained_networks",
]  # fmt: skip

DENSE, CONTINUED, ELSEWHERE = REFERENCES = ("dense", "dense-continued", "dense-elsewhere")


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


def trained_networks(
    records: Sequence[TrainingRecord],
) -> list[tuple[list[Trained], Trained | None]]:
    """Group the records of one data set: the variants of each network, and its dense network.

    Networks are in the order of their names; variants are references first, then from large to
    small. The dense network is None where it is unknown.

    Raises:
        InputError: records that cannot stand in one table; they are named.
    """
    groups = _grouped(records)
    found = []
    for network in sorted({trained.network for trained in groups}):
        own = [trained for trained in groups if trained.network == network]
        runs = [record for trained in own for record in trained.records]
        require_alike(
            f"records of {network}",
            {
                "validation images": [run.validation_digest for run in runs],
                "input size": [run.input for run in runs],
                "dense network": [(run.dense_params, run.dense_macs) for run in runs],
            },
            [run.name for run in runs],
            "Name the network differently.",
        )
        dense = _recorded(own)
        if dense is None:
            before = _before_recovery(runs)
            if before is not None:
                dense = Trained(network, before.data, ELSEWHERE, (before,))
                own.append(dense)
        found.append((sorted(own, key=_order), dense))
    return found


def mean(values: Sequence[float]) -> float:
    """Arithmetic mean, the same in any order."""
    return math.fsum(values) / len(values)


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


def require_alike(
    whose: str, found: Mapping[str, Iterable[object]], where: Iterable[str], advice: str
) -> None:
    """Refuse records that differ in what must be one for a comparison.

    Args:
        found: by what it is, its value in each record.
    """
    for what, values in found.items():
        count = len(set(values))
        if count > 1:
            raise InputError(
                f"{whose}: expected one {what}, found {count} in {', '.join(where)}; only like can "
                f"be compared with like. {advice}"
            )


def _order(trained: Trained) -> tuple[int, float, str]:
    rank = (*REFERENCES, trained.variant).index(trained.variant)
    return rank, -trained.macs, trained.variant


def _recorded(variants: Sequence[Trained]) -> Trained | None:
    """Return the better of the teacher and the teacher trained on, or None if neither is recorded.

    A variant names the teacher, or else the file that a recovery began with. A run with the name of
    the teacher does not count if no recovery began with it.
    """
    found = [trained for trained in variants if trained.variant in (DENSE, CONTINUED)]
    sources = {record.source for trained in variants for record in trained.records}
    teachers = [t for t in variants if t.is_dense and any(r.artifact in sources for r in t.records)]
    begun = any(r.source for t in variants if not t.is_dense and t.parts == 1 for r in t.records)
    strange = begun and any(t.variant == DENSE and t not in teachers for t in found)
    if strange or not found:
        found = teachers
    # If both are equal, the teacher counts: the user has it already.
    return max(found, key=lambda t: (t.miou, t.variant == DENSE), default=None)


def _before_recovery(records: Sequence[TrainingRecord]) -> TrainingRecord | None:
    """Return the network that recoveries began with, as if it had a record; None if unknown.

    If there are several, the best is returned, so that recoveries are compared with the best.

    Args:
        records: records of one network on one data set, none of them of a dense network.
    """
    known = {record.artifact for record in records}
    begun = [
        record
        for record in records
        # A network that was pruned further is no dense one.
        if {"start", "pruned"} <= record.scores.keys() and record.source not in known
    ]
    first = max(begun, key=lambda record: (record.scores["start"].miou, record.name), default=None)
    if first is None or first.source is None:
        return None
    recipe = parse_recipe(first.sections, first.name)
    update = {"pruning": None, "distillation": None, "targets": None}
    text = to_toml(recipe.model_copy(update=update))
    return replace(
        first,
        name=f"{first.name} before",
        recipe=text,
        recipe_digest=recipe_digest(text),
        variant=ELSEWHERE,
        source=None,
        plan="",
        artifact=first.source,
        artifact_bytes=0,
        params=first.dense_params,
        macs=first.dense_macs,
        scores={"result": first.scores["start"]},
        work=Work(0, 0, 0.0, 0, {}),
        warnings=(),
        best=None,
        promises=(),
        broken=(),
    )
