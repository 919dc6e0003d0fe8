"""Train a dense network, or recover a pruned one, as a recipe says; everything is left in one run.

    train:   network -> fit -> artefact -> evaluation -> overlays -> record
    recover: network -> plan -> prune -> proof -> BatchNorm recalibration -> the same

Every stage of a recovery is evaluated, so that a drop can be told from a bug.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from segprune.artifacts import save
from segprune.data.sequences import is_file
from segprune.errors import InputError, SegpruneError
from segprune.evaluation import evaluate
from segprune.losses import class_weights
from segprune.metrics import Score
from segprune.pipeline.training.folder import (
    OVERLAYS,
    PLAN,
    RECORD,
    is_primary,
    require_same_images,
    run_folder,
    wait_for,
)
from segprune.pipeline.training.images import (
    Images,
    class_pixels,
    open_images,
    require_views,
    sample_digests,
    training_batches,
)
from segprune.pipeline.training.overlays import write_overlays
from segprune.pipeline.training.record import TrainingRecord
from segprune.pipeline.training.recording import training_record
from segprune.pipeline.training.start import Start, load_artifact, start_from, with_widths
from segprune.plan import PrunePlan
from segprune.planning import make_plan
from segprune.records import write_atomic, write_record
from segprune.surgery import prune
from segprune.training.batches import enough_for_statistics
from segprune.training.devices import borrowed, working_device
from segprune.training.fitting import Fit, fit
from segprune.training.recalibration import recalibrate
from segprune.training.recipe import Recipe
from segprune.verification import verify
from segprune.violations import Violation

__all__ = ["TrainingResult", "run_recover", "run_train"]

Progress = Callable[[str, int, int], None]

_PRUNING = "section [pruning] of the recipe: "


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
    with run_folder(recipe, out) as folder:
        return _run(recipe, folder, ("train", *command), progress)


def run_recover(
    recipe: Recipe,
    *,
    out: Path = Path("runs"),
    command: tuple[str, ...] = (),
    progress: Progress = lambda step, done, total: None,
) -> TrainingResult:
    """Prune a trained network, recalibrate its BatchNorms, and fine-tune it.

    Where `init_from` is pruned already and the recipe has no section `pruning`, its recovery is
    continued; where it has one, the network is pruned further. Zero epochs recalibrate only, which
    is what a mean of several recoveries (`average_of`) needs.

    Raises:
        InputError, SegpruneError: as for `run_train`.
    """
    if not recipe.network.weights:
        raise InputError(
            "network.init_from: expected a trained network to prune, found none; train one with "
            "segprune train, and name its artefact."
        )
    with run_folder(recipe, out) as folder:
        return _run(recipe, folder, ("recover", *command), progress)


def _run(
    recipe: Recipe, folder: Path, command: tuple[str, ...], progress: Progress
) -> TrainingResult:
    recovers = command[0] == "recover"
    progress("open", 0, 1)
    images = open_images(recipe.data)
    require_views(images, recipe)
    if is_primary():
        require_same_images(folder, sample_digests(images))
    start = start_from(recipe, images)
    scores: dict[str, Score] = {}

    def note(stage: str, network: nn.Module) -> None:
        if is_primary():
            scores[stage] = _evaluate(network, recipe, images, stage, progress)

    if start.source is not None:
        note("start", start.network)
    anew = False
    if recipe.network.average_of is not None and recipe.recalibration.batches:
        # Before it teaches, or is judged by its activations.
        _recalibrate(start.network, recipe, images, progress)
        anew = True
    teacher = _teacher(recipe, start, images)
    if recipe.pruning is not None:
        start = _pruned(recipe, start, images, folder, progress)
        proof = verify(start.dense, start.network, start.plan, images.example, trained=True)
        if proof:
            return TrainingResult(folder, None, proof)
        note("pruned", start.network)
        anew = False
    if recovers and recipe.recalibration.batches and not anew:
        _recalibrate(start.network, recipe, images, progress)
        anew = True
    if anew:
        note("recalibrated", start.network)
    fitted = _fit(recipe, start, teacher, images, folder, progress)
    if not fitted.primary:
        return TrainingResult(folder, None)
    stale = recipe.training.epochs > 0 or not anew  # else it has just been done
    if recipe.recalibration.at_the_end and recipe.recalibration.batches and stale:
        _recalibrate(start.network, recipe, images, progress)
    # What is judged is the file that others load, rounded weights and all.
    artifact = folder / f"{recipe.name}.safetensors"
    unproven = folder / f".{artifact.name}.tmp"  # its name is that of a file that was proved
    save(
        unproven, start.network.eval(), start.plan, dtype=torch.float16 if recipe.half else None,
        metadata=_metadata(recipe, images),
    )  # fmt: skip
    result = load_artifact(unproven, recipe, len(images.training.classes))
    proof = verify(start.dense, result, start.plan, images.example, trained=True)
    if proof:
        unproven.unlink()
        return TrainingResult(folder, None, proof)
    unproven.replace(artifact)
    note("result", result)
    progress("overlays", 0, 1)
    write_overlays(folder / OVERLAYS, result, images.validation, images.preprocessing)
    record = training_record(recipe, command, start, images, artifact, result, scores, fitted)
    write_record(folder / RECORD, record)
    return TrainingResult(folder, record)


# -- steps -----------------------------------------------------------------------------------------


def _evaluate(
    network: nn.Module, recipe: Recipe, images: Images, stage: str, progress: Progress
) -> Score:
    with borrowed(network, working_device(recipe.training)) as there:
        return evaluate(
            there, images.validation, preprocessing=images.preprocessing,
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
    return copy.deepcopy(start.network)  # as it was before it was pruned


def _pruned(
    recipe: Recipe, start: Start, images: Images, folder: Path, progress: Progress
) -> Start:
    """Prune by the run's plan, which is made once: a resumed training needs the same channels."""
    kept = folder / PLAN
    if not is_primary():
        # Its own would differ where processors round otherwise, and gradients then do not add up.
        wait_for(kept)
    if kept.exists():
        plan = PrunePlan.from_json(kept.read_text(encoding="utf-8"))
    else:
        progress("plan", 0, 1)
        plan = _plan(recipe, start, images)
        write_atomic(kept, plan.to_json())
    small = prune(start.network, plan)
    whole = plan if start.is_dense else start.plan.then(plan)
    return Start(small, start.dense, whole, start.source)


def _plan(recipe: Recipe, start: Start, images: Images) -> PrunePlan:
    section = recipe.pruning
    assert section is not None
    budget = None if section.budget is None else {str(k): v for k, v in section.budget.items()}
    device = working_device(recipe.training)
    try:
        with borrowed(start.network, device) as network:
            plan = make_plan(
                network,
                images.example.to(device),
                budget=budget,
                importance=section.importance,
                scope=section.layers or section.scope,
                round_to=section.round_to,
                ignored_layers=section.ignore,
                calibration=list(training_batches(images, recipe, section.batches, device)),
                seed=recipe.seed,
                floor=section.floor,
                min_channels=section.min_channels,
            )
        return with_widths(plan, start.network, recipe.network) if start.is_dense else plan
    except SegpruneError as error:  # which speaks of arguments, and this is a recipe
        raise type(error)(f"{_PRUNING}{error}") from error


def _recalibrate(network: nn.Module, recipe: Recipe, images: Images, progress: Progress) -> None:
    count = recipe.recalibration.batches
    device = working_device(recipe.training)
    with borrowed(network, device) as there, enough_for_statistics():
        recalibrate(
            there,
            (batch for batch, _ in training_batches(images, recipe, count, device)),
            progress=lambda done: progress("recalibrate", done, count),
        )


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
    facts = {
        "preprocessing": images.preprocessing.as_metadata(),
        "input": list(images.example.shape),
        "classes": list(images.training.classes.names),
        "data": recipe.data.name,
        "run": recipe.name,
        "half": recipe.half,
    }
    if recipe.data.sequences is not None and not is_file(recipe.data.sequences):
        facts["sequences"] = recipe.data.sequences
    if recipe.network.average_of is not None:
        facts["mean_of"] = [path.name for path in recipe.network.average_of]
    return facts
