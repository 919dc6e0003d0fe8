"""Train a dense network, or recover a pruned one, as a recipe says; everything is left in one run.

    train:   network -> fit -> artefact -> evaluation -> record
    recover: network -> plan -> prune -> proof -> BatchNorm recalibration -> the same

Every stage of a recovery is evaluated, so that a drop can be told from a bug.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from segprune.artifacts import save
from segprune.costs import cost
from segprune.environment import environment
from segprune.errors import InputError
from segprune.evaluation import evaluate
from segprune.losses import class_weights
from segprune.metrics import Score
from segprune.models.weights import file_digest
from segprune.pipeline.run import RECORD, begin_run, is_primary
from segprune.pipeline.start import (
    Images,
    Start,
    class_pixels,
    load_artifact,
    open_images,
    start_from,
    training_batches,
)
from segprune.pipeline.trained import TrainingRecord, Work, package_versions
from segprune.plan import PrunePlan
from segprune.planning import make_plan
from segprune.records import write_atomic, write_record
from segprune.surgery import prune
from segprune.training.fitting import Fit, fit
from segprune.training.recalibration import recalibrate
from segprune.training.recipe import Recipe, to_toml
from segprune.verification import verify
from segprune.violations import Violation

__all__ = ["TrainingResult", "run_recover", "run_train"]

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class TrainingResult:
    """What came of a run: where it is, and its record.

    Attributes:
        violations: of a pruned network that failed its proof; then there is no record.
    """

    folder: Path
    record: TrainingRecord | None
    violations: tuple[Violation, ...] = ()


def run_train(
    recipe: Recipe,
    *,
    out: Path = Path("runs"),
    command: tuple[str, ...] = (),
    progress: Progress = lambda step, done, total: None,
) -> TrainingResult:
    """Train a network as it is, dense or pruned; `run_recover` prunes first.

    Raises:
        InputError: the recipe has a section that does not fit, or a run of that name is finished.
        SegpruneError: of the kind that fits; see the functions this calls.
    """
    if recipe.pruning is not None:
        raise InputError(
            "pruning: expected no such section in a training, found one; use segprune recover, "
            "or leave the section out."
        )
    if recipe.distillation is not None and recipe.distillation.teacher is None:
        raise InputError(
            "distillation.teacher: expected a dense artefact, found none; only a recovery has a "
            "teacher of its own."
        )
    return _run(recipe, out, ("train", *command), progress)


def run_recover(
    recipe: Recipe,
    *,
    out: Path = Path("runs"),
    command: tuple[str, ...] = (),
    progress: Progress = lambda step, done, total: None,
) -> TrainingResult:
    """Prune a trained network, recalibrate its BatchNorms, and fine-tune it.

    Where `init_from` is pruned already and the recipe has no section `pruning`, its recovery is
    continued; where it has one, the network is pruned further.

    Raises:
        InputError, SegpruneError: as for `run_train`.
    """
    if recipe.network.init_from is None:
        raise InputError(
            "network.init_from: expected a trained network to prune, found none; train one with "
            "segprune train, and name its artefact."
        )
    return _run(recipe, out, ("recover", *command), progress)


def _run(recipe: Recipe, out: Path, command: tuple[str, ...], progress: Progress) -> TrainingResult:
    folder = begin_run(recipe, out)
    progress("open", 0, 1)
    images = open_images(recipe.data)
    start = start_from(recipe, images)
    scores: dict[str, Score] = {}

    def note(stage: str, network: nn.Module) -> None:
        if is_primary():
            scores[stage] = _evaluate(network, images, stage, progress)

    if start.source is not None:
        note("start", start.network)
    teacher = _teacher(recipe, start, images)
    if recipe.pruning is not None:
        start = _pruned(recipe, start, images, progress)
        proof = verify(start.dense, start.network, start.plan, images.example, trained=True)
        if proof:
            return TrainingResult(folder, None, proof)
        note("pruned", start.network)
        if recipe.recalibration.batches:
            _recalibrate(start.network, recipe, images, progress)
            note("recalibrated", start.network)
    fitted = _fit(recipe, start, teacher, images, folder, progress)
    if not fitted.primary:
        return TrainingResult(folder, None)
    if recipe.recalibration.at_the_end and recipe.recalibration.batches:
        _recalibrate(start.network, recipe, images, progress)
    # What is judged is the file that others load, rounded weights and all.
    artifact = folder / f"{recipe.name}.safetensors"
    save(
        artifact, start.network.eval(), start.plan, dtype=torch.float16 if recipe.half else None,
        metadata=_metadata(recipe, images),
    )  # fmt: skip
    result = load_artifact(artifact, recipe, len(images.training.classes))
    proof = verify(start.dense, result, start.plan, images.example, trained=True)
    if proof:
        return TrainingResult(folder, None, proof)
    note("result", result)
    record = _record(recipe, command, start, images, artifact, result, scores, fitted)
    write_record(folder / RECORD, record)
    return TrainingResult(folder, record)


# -- steps -----------------------------------------------------------------------------------------


def _evaluate(network: nn.Module, images: Images, stage: str, progress: Progress) -> Score:
    return evaluate(
        network, images.validation, preprocessing=images.preprocessing,
        progress=lambda done, total: progress(f"evaluate {stage}", done, total),
    )  # fmt: skip


def _teacher(recipe: Recipe, start: Start, images: Images) -> nn.Module | None:
    section = recipe.distillation
    if section is None:
        return None
    if section.teacher is not None:
        return load_artifact(section.teacher, recipe, len(images.training.classes))
    if not start.is_dense:
        raise InputError(
            "distillation.teacher: expected a dense artefact, found none, and the network that is "
            "recovered is pruned already; name the dense one."
        )
    return load_artifact(recipe.network.init_from, recipe, len(images.training.classes))  # type: ignore[arg-type]


def _pruned(recipe: Recipe, start: Start, images: Images, progress: Progress) -> Start:
    section = recipe.pruning
    if section is None:
        return start
    progress("plan", 0, 1)
    plan = make_plan(
        start.network,
        images.example,
        budget=section.budget,
        importance=section.importance,
        scope=section.layers or section.scope,
        round_to=section.round_to,
        ignored_layers=section.ignore,
        calibration=list(training_batches(images, recipe, section.batches)),
        seed=recipe.seed,
        floor=section.floor,
        min_channels=section.min_channels,
    )
    small = prune(start.network, plan)
    whole = plan if start.is_dense else start.plan.then(plan)
    return Start(small, start.dense, whole, start.source)


def _recalibrate(network: nn.Module, recipe: Recipe, images: Images, progress: Progress) -> None:
    count = recipe.recalibration.batches
    batches = (batch for batch, _ in training_batches(images, recipe, count))
    recalibrate(network, batches, progress=lambda done: progress("recalibrate", done, count))


def _fit(
    recipe: Recipe, start: Start, teacher: nn.Module | None, images: Images, folder: Path,
    progress: Progress,
) -> Fit:  # fmt: skip
    weight = None
    if recipe.training.class_weights != "none":
        counts = class_pixels(images, lambda done, total: progress("count classes", done, total))
        weight = class_weights(counts, recipe.training.class_weights)
    return fit(
        start.network.train(), recipe, images.training, folder, validation=images.validation,
        teacher=teacher, weight=weight, preprocessing=images.preprocessing, report=progress,
    )  # fmt: skip


def _metadata(recipe: Recipe, images: Images) -> Mapping[str, Any]:
    return {
        "preprocessing": images.preprocessing.as_metadata(),
        "input": list(images.example.shape),
        "classes": list(images.training.classes.names),
        "data": recipe.data.name,
        "run": recipe.name,
        "half": recipe.half,
    }


def _record(
    recipe: Recipe,
    command: tuple[str, ...],
    start: Start,
    images: Images,
    artifact: Path,
    result: nn.Module,
    scores: Mapping[str, Score],
    fitted: Fit,
) -> TrainingRecord:
    dense = cost(start.dense, images.example)
    small = cost(result, images.example)
    return TrainingRecord(
        command=("segprune", *command),
        name=recipe.name,
        seed=recipe.seed,
        recipe=to_toml(recipe.portable()),
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
    )
