"""The record of a training: what it began with, what came of it, and on which machine."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from torch import nn

from segprune.core.planning.cost import cost
from segprune.core.tracing.graph import ChannelGraph
from segprune.gates.policy import Budget
from segprune.models.weights import file_digest
from segprune.records.baseline import Size
from segprune.records.environment import environment
from segprune.records.prune import frozen_groups
from segprune.records.run_facts import label_of, recipe_digest
from segprune.records.score import Score
from segprune.records.training import Best, TrainingRecord, Work, package_versions
from segprune.training.fitting import Fit
from segprune.training.recipe import Recipe
from segprune.training.toml import to_toml
from segprune.workflows.train.images import Images
from segprune.workflows.train.outcome import described, missed
from segprune.workflows.train.start import Start

__all__ = ["training_record"]


def training_record(
    recipe: Recipe,
    command: tuple[str, ...],
    start: Start,
    images: Images,
    artifact: Path,
    result: nn.Module,
    scores: Mapping[str, Score],
    fitted: Fit,
    *,
    warnings: Sequence[str],
    best: Best | None,
    budgets: Mapping[str, Budget],
    began_dense: bool,
    graph: ChannelGraph | None,
) -> TrainingRecord:
    """What is kept of a run.

    Args:
        artifact: the file that was written; result: the network in it.
        budgets: the targets, by source.
        began_dense: whether the run began with a dense network: then the result is compared with
            that, and else with the teacher, if there is one.
        graph: of the dense network, if this run pruned.
    """
    dense = cost(start.dense, images.example)
    small = cost(result, images.example)
    before = scores.get("start")
    if not began_dense:
        before = scores.get("teacher", before)
    reasons: tuple[str, ...] = ()
    if before is not None:
        reasons = missed(
            budgets, images.training.classes.names, before, scores["result"],
            Size(dense.params, dense.macs, 0), Size(small.params, small.macs, 0),
        )  # fmt: skip
    text = to_toml(recipe.portable())
    return TrainingRecord(
        command=("segprune", *command),
        name=recipe.name,
        network=label_of(recipe.network.model) if recipe.variant else "",
        data=recipe.data.name,
        variant=recipe.variant or "",
        seed=recipe.seed,
        recipe=text,
        recipe_digest=recipe_digest(text),
        classes=images.training.classes.names,
        input=tuple(images.example.shape),
        training_images=len(images.training),
        validation_images=len(images.validation),
        validation_digest=images.validation.digest(),
        source=start.source,
        plan=start.plan.digest,
        artifact=file_digest(artifact),
        artifact_bytes=artifact.stat().st_size,
        dense_params=dense.params,
        dense_macs=dense.macs,
        params=small.params,
        macs=small.macs,
        scores=dict(scores),
        work=Work(
            epochs=fitted.epochs,
            steps=fitted.steps,
            seconds=round(fitted.seconds, 1),
            resumed_at=fitted.resumed_at,
            losses=fitted.losses,
        ),
        packages=package_versions(),
        environment=environment(),
        preprocessing=images.preprocessing,
        normalisation=images.normalisation.source,
        warnings=tuple(warnings),
        best=best,
        promises=described(budgets) if before is not None else (),
        broken=reasons,
        free_share=None if graph is None else graph.free_share,
        frozen=() if graph is None else frozen_groups(graph),
        unreached=() if graph is None else graph.unreached,
    )
