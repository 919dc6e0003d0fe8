"""Train a dense network, or recover a pruned one, as a recipe says; everything is left in one run.

    train:   network -> fit -> artefact -> evaluation -> overlays -> record
    recover: network -> plan -> prune -> proof -> BatchNorm recalibration -> the same

Every stage of a recovery is evaluated, which distinguishes a loss of accuracy from a bug.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from torch import nn

from segprune.core.planning.make_plan import departures
from segprune.core.tracing.trace import trace
from segprune.core.verification.verify import verify
from segprune.core.verification.violations import Violation
from segprune.errors import InputError
from segprune.evaluation.evaluate import near_chance
from segprune.gates.policy import Budget
from segprune.models.weights import file_digest
from segprune.records.io import write_record
from segprune.records.training import Best, TrainingRecord
from segprune.training.fitting import Fit, fit
from segprune.training.losses import class_weights
from segprune.training.recalibration import has_statistics
from segprune.training.recipe import Recipe
from segprune.training.remarks import remarks
from segprune.workflows.jobs import RUNS, Progress, Say
from segprune.workflows.train.artifact import write_proved
from segprune.workflows.train.images import (
    Images,
    class_pixels,
    open_images,
    require_views,
    sample_digests,
)
from segprune.workflows.train.outcome import about_teacher, setbacks
from segprune.workflows.train.overlays import write_overlays
from segprune.workflows.train.pruning import prune_start, run_plan
from segprune.workflows.train.record import training_record
from segprune.workflows.train.run_folder import (
    OVERLAYS,
    RECORD,
    is_primary,
    require_same_images,
    run_folder,
)
from segprune.workflows.train.stages import Stages
from segprune.workflows.train.start import Start, normalisation_of, start_from
from segprune.workflows.train.start_check import doubt_about, require_fit
from segprune.workflows.train.steps import (
    Job,
    evaluation_of,
    measure_statistics,
    note_teacher,
    teacher_of,
)

__all__ = ["TrainingResult", "run_recover", "run_train"]

_UNTRAINED = "too few steps, a learning rate that does not suit it, and labels that do not fit"


@dataclass(frozen=True)
class TrainingResult:
    """The folder and the record of a run.

    Attributes:
        violations: of a pruned network that failed its proof; then there is no record.
    """

    folder: Path
    record: TrainingRecord | None
    violations: tuple[Violation, ...] = ()


def run_train(
    recipe: Recipe,
    *,
    out: Path = RUNS,
    command: tuple[str, ...] = (),
    progress: Progress = lambda step, done, total: None,
    say: Say = lambda line: None,
    budgets: Mapping[str, Budget] | None = None,
    replace: bool = False,
) -> TrainingResult:
    """Train a network as it is, dense or pruned; `run_recover` prunes first.

    Args:
        say: called with each line that the user has to see at once; the record has all warnings.
        budgets: targets that the result has to reach, by source, besides the recipe's.
        replace: take the place of a finished run of that name, or of one with other settings.

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
    if recipe.targets is not None and not recipe.network.weights:
        raise InputError(
            "targets: expected a network to begin with, to compare the result with, found "
            "none; name it (network.init_from), or leave the section out."
        )
    with run_folder(recipe, out, replace=replace) as folder:
        return _run(Job(recipe, folder, ("train", *command), progress, say, budgets or {}))


def run_recover(
    recipe: Recipe,
    *,
    out: Path = RUNS,
    command: tuple[str, ...] = (),
    progress: Progress = lambda step, done, total: None,
    say: Say = lambda line: None,
    budgets: Mapping[str, Budget] | None = None,
    replace: bool = False,
) -> TrainingResult:
    """Prune a trained network, recalibrate its BatchNorms, and fine-tune it.

    Where `init_from` is pruned already and the recipe has no section `pruning`, its recovery is
    continued; where it has one, the network is pruned further. Zero epochs recalibrate only, which
    is what a mean of several recoveries (`average_of`) needs. Arguments and errors are those of
    `run_train`.

    Raises:
        StartError: the network does no better than guessing, or is far below its own record, and
            the recipe does not say `network.poor_start`.
    """
    if not recipe.network.weights:
        raise InputError(
            "network.init_from: expected a trained network to prune, found none; train one with "
            "segprune train, and name its artefact."
        )
    with run_folder(recipe, out, replace=replace) as folder:
        return _run(Job(recipe, folder, ("recover", *command), progress, say, budgets or {}))


def _run(job: Job) -> TrainingResult:
    recipe, folder, progress = job.recipe, job.folder, job.progress
    progress("open", 0, 1)
    images = open_images(recipe.data)
    require_views(images, recipe)
    if is_primary():
        require_same_images(folder, sample_digests(images))
    job.warn(remarks(recipe, len(images.training), recovers=job.recovers))
    start = start_from(recipe, images)
    images = images.normalised(normalisation_of(recipe, start))
    for line in images.lines:
        job.say(line)
    stages, began_dense, graph = Stages(), start.is_dense, None

    def note(stage: str, network: nn.Module) -> None:
        if is_primary():
            found = evaluation_of(network, recipe, images, stage, progress)
            stages.note(stage, found.score, network)
            if stage == "start":
                doubt = doubt_about(recipe, start, images, found)
                if job.recovers:
                    require_fit(recipe, doubt)
                job.warn(filter(None, [doubt]))

    if start.source is not None:
        note("start", start.network)
    anew = False
    if recipe.network.average_of is not None and recipe.recalibration.is_wanted:
        # Before it teaches, or is judged by its activations.
        measure_statistics(start.network, recipe, images, progress)
        anew = True
    teacher = teacher_of(recipe, start, images)
    if teacher is not None and is_primary():
        note_teacher(teacher, job, start, images, stages)
    if recipe.pruning is not None:
        plan = run_plan(recipe, start, images, folder, progress)
        job.warn(departures(plan.notes))
        start = prune_start(start, plan)
        graph = trace(start.dense, images.example)
        proof = verify(start.dense, start.network, start.plan, graph, trained=True)
        if proof:
            return TrainingResult(folder, None, proof)
        stages.begin_anew()
        note("pruned", start.network)
        anew = False
    if job.recovers and recipe.recalibration.is_wanted and not anew:
        measure_statistics(start.network, recipe, images, progress)
        anew = True
    if anew:
        note("recalibrated", start.network)
    if is_primary():
        job.warn(about_teacher(stages.scores, stages.best))
    fitted = _fit(recipe, start, teacher, images, folder, progress)
    if not fitted.primary:
        return TrainingResult(folder, None)
    if fitted.best is not None and fitted.best.epoch < fitted.epochs:
        network = copy.deepcopy(start.network)
        network.load_state_dict(fitted.best.weights)
        note(f"epoch {fitted.best.epoch}", network)
    stale = recipe.training.epochs > 0 or not anew  # else it has just been done
    if job.ends_anew and stale:
        if recipe.training.epochs:
            note("trained", start.network)
        measure_statistics(start.network, recipe, images, progress)
    # What is judged is the file that others load, rounded weights and all.
    artifact = folder / f"{recipe.name}.safetensors"
    result, proof = write_proved(artifact, start.network, start, recipe, images)
    if proof:
        return TrainingResult(folder, None, proof)
    found = evaluation_of(result, recipe, images, "result", progress)
    score = found.score
    if start.is_dense:
        job.warn(filter(None, [near_chance(found.matrix, _UNTRAINED)]))
    best = stages.better_than(score)
    stages.note("result", score, result)
    progress("overlays", 0, 1)
    write_overlays(folder / OVERLAYS, result, images.validation, images.preprocessing)
    kept = None
    if best is not None:
        beside = folder / f"{recipe.name}-best-{best.name.replace(' ', '-')}.safetensors"
        _, proof = write_proved(beside, best.network, start, recipe, images)
        kept = None if proof else Best(best.name, beside.name, file_digest(beside))
    old = recipe.training.epochs > 0 and recipe.recalibration.is_wanted and not job.ends_anew
    old = old and has_statistics(result)
    job.warn(setbacks(stages.scores, best.name if best else None, kept, stale=old))
    record = training_record(
        recipe, job.command, start, images, artifact, result, stages.scores, fitted,
        warnings=job.warnings, best=kept, budgets=job.budgets, began_dense=began_dense,
        graph=graph,
    )  # fmt: skip
    write_record(folder / RECORD, record)
    return TrainingResult(folder, record)


# -- steps -----------------------------------------------------------------------------------------


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
