"""A dense network that was trained elsewhere, of which only its recoveries say anything."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from segprune.pipeline.training.record import TrainingRecord, Work
from segprune.training.recipe import parse_recipe
from segprune.training.toml import to_toml

__all__ = ["ELSEWHERE", "begun_with"]

ELSEWHERE = "dense-elsewhere"
"""The variant that it is called."""


def begun_with(records: Sequence[TrainingRecord]) -> TrainingRecord | None:
    """The network that recoveries began with, as if it had a record; None where none is known.

    Of several the best: what is recovered is held against as much as there was.

    Args:
        records: of one network on one data set, without any of a dense network.
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
    update = {"pruning": None, "distillation": None, "promise": None}
    return replace(
        first,
        name=f"{first.name} before",
        recipe=to_toml(recipe.model_copy(update=update)),
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
