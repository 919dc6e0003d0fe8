"""A dense network that was trained elsewhere, and is known only from its recoveries."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from segprune.records.run_facts import recipe_digest
from segprune.records.training import TrainingRecord, Work
from segprune.training.recipe import parse_recipe
from segprune.training.toml import to_toml

__all__ = ["ELSEWHERE", "dense_before_recovery"]

ELSEWHERE = "dense-elsewhere"
"""The name of its variant."""


def dense_before_recovery(records: Sequence[TrainingRecord]) -> TrainingRecord | None:
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
