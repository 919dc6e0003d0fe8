"""Independent steps of a run: scores, teachers, and recalibrated statistics."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from torch import nn

from segprune.errors import InputError
from segprune.evaluation.evaluate import Evaluation, evaluate_images
from segprune.gates.policy import Budget
from segprune.models.weights import file_digest
from segprune.training.batches import explain_batch_of_one
from segprune.training.devices import on_device, working_device
from segprune.training.recalibration import recalibrate
from segprune.training.recipe import Recipe
from segprune.workflows.jobs import Progress, Say
from segprune.workflows.train.images import RECALIBRATION, Images, measuring_batches
from segprune.workflows.train.outcome import budget_of
from segprune.workflows.train.run_folder import is_primary
from segprune.workflows.train.stages import Stages
from segprune.workflows.train.start import Start, load_artifact

__all__ = [
    "Job",
    "evaluation_of",
    "measure_statistics",
    "note_teacher",
    "teacher_of",
]


@dataclass(frozen=True)
class Job:
    """The values that all steps of a run share."""

    recipe: Recipe
    folder: Path
    command: tuple[str, ...]
    progress: Progress
    say: Say
    given: Mapping[str, Budget]
    warnings: list[str] = field(default_factory=list)

    @property
    def recovers(self) -> bool:
        return self.command[0] == "recover"

    @property
    def ends_anew(self) -> bool:
        """Return whether statistics are measured again after the training."""
        section = self.recipe.recalibration
        wanted = self.recovers if section.at_the_end is None else section.at_the_end
        return wanted and section.is_wanted

    @property
    def budgets(self) -> dict[str, Budget]:
        """Return all targets, by source."""
        own = self.recipe.targets
        return {**({} if own is None else {"the recipe": budget_of(own)}), **self.given}

    def warn(self, sentences: Iterable[str]) -> None:
        """Keep warnings for the record, and report them now."""
        for sentence in sentences if is_primary() else ():
            self.warnings.append(sentence)
            self.say(f"warning: {sentence}")


def evaluation_of(
    network: nn.Module, recipe: Recipe, images: Images, stage: str, progress: Progress
) -> Evaluation:
    """Evaluate a network on the validation images, on the device of the training."""
    with on_device(network, working_device(recipe.training)) as there:
        return evaluate_images(
            there, images.validation, preprocessing=images.preprocessing,
            progress=lambda done, total: progress(f"evaluate {stage}", done, total),
        )  # fmt: skip


def teacher_of(recipe: Recipe, start: Start, images: Images) -> nn.Module | None:
    """Return the network that a recipe distils from, or None.

    Raises:
        InputError: the recipe names no teacher, and the network to recover is pruned already.
    """
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


def note_teacher(
    teacher: nn.Module, job: Job, start: Start, images: Images, stages: Stages
) -> None:
    """Note the teacher's score, which is the start's if both are the same network."""
    section = job.recipe.distillation
    path = None if section is None else section.teacher
    same = path is None or file_digest(path) == start.source
    if same and job.recipe.network.average_of is None:
        stages.note_teacher(stages.scores["start"])
    else:
        found = evaluation_of(teacher, job.recipe, images, "teacher", job.progress)
        stages.note_teacher(found.score)


def measure_statistics(
    network: nn.Module, recipe: Recipe, images: Images, progress: Progress
) -> None:
    """Recalibrate BatchNorms as the recipe says, in place, on the device of the training."""
    given, device = recipe.recalibration.batches, working_device(recipe.training)
    batches = measuring_batches(images, recipe, given, RECALIBRATION, device)
    with on_device(network, device) as there, explain_batch_of_one():
        recalibrate(
            there,
            (batch for batch, _ in batches),
            progress=lambda done: progress("recalibrate", done, given or 0),
        )
