"""What a recipe's run starts from: its network, with weights and plan."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from torch import nn

from segprune.artifacts import is_artifact, load, read_header
from segprune.core.modules import layers_of
from segprune.core.plan import PrunePlan
from segprune.core.planning.make_plan import make_plan
from segprune.core.state.process import seeded
from segprune.core.surgery import prune
from segprune.data.normalisation import Normalisation, choose
from segprune.errors import InputError
from segprune.models import build
from segprune.models.references import is_reference, resolve
from segprune.models.weights import file_digest
from segprune.records.preprocessing import Preprocessing
from segprune.training.averaging import mean_of
from segprune.training.input_sections import NetworkSection
from segprune.training.outputs import require_outputs
from segprune.training.recipe import Recipe
from segprune.workflows.open import open_file, preprocessing_of
from segprune.workflows.train.images import Images

__all__ = [
    "Start",
    "artifact_preprocessing",
    "load_artifact",
    "normalisation_of",
    "start_from",
    "with_widths",
]


@dataclass(frozen=True)
class Start:
    """A network to train.

    Attributes:
        network: dense or pruned, in evaluation mode.
        dense: the full-size network of the same declaration; its weights mean nothing unless the
            network itself is dense.
        plan: from `dense` to `network`; keeps everything where the network is dense.
        source: digest of the file that weights came from, or of the digests of several; None for
            random ones.
    """

    network: nn.Module
    dense: nn.Module
    plan: PrunePlan
    source: str | None

    @property
    def is_dense(self) -> bool:
        """Return whether nothing has been removed."""
        return self.plan.network == self.plan.result


def start_from(recipe: Recipe, images: Images) -> Start:
    """Build the network of a recipe, with the weights and the shapes that it asks for.

    Raises:
        ModelError, ArtifactError: no such network, or a file that does not fit it.
        InputError: the network does not give logits of the data's classes, or its auxiliary heads
            do not.
    """
    section = recipe.network
    dense = _declared(recipe, len(images.training.classes))
    require_outputs(dense, images.example, len(images.training.classes), "network.model")
    nothing = with_widths(
        make_plan(dense, images.example, budget={"channels": 1.0}), dense, section
    )
    if section.architecture_of is not None:
        plan = read_header(section.architecture_of).plan
        start = Start(prune(dense, plan), dense, plan, None)
    elif section.average_of is not None:
        start = _average(section.average_of, dense)
    elif section.init_from is None:
        start = Start(dense, dense, nothing, None)
    else:
        opened = open_file(section.init_from, dense)
        start = Start(opened.network, opened.dense, opened.plan or nothing, opened.digest)
    return start


def _average(paths: Sequence[Path], dense: nn.Module) -> Start:
    plans: list[PrunePlan] = []
    digests: list[str] = []
    for number, path in enumerate(paths):
        where = f"network.average_of[{number}]"
        if not is_artifact(path):
            raise InputError(
                f"{where}: expected an artefact of segprune, found another kind of file: {path}; "
                "train it first (init_from takes a state dict)."
            )
        plan, digest = read_header(path).plan, file_digest(path)
        if plans and plan != plans[0]:
            raise InputError(
                f"{where}: expected an artefact of the plan of {paths[0]} "
                f"({plans[0].digest[:12]}), for the mean of other channels means nothing, found "
                f"{plan.digest[:12]} in {path}; make one artefact by a recovery of 0 epochs, and "
                "begin with it in each of several recoveries (init_from, no section pruning)."
            )
        if digest in digests:
            raise InputError(
                f"{where}: expected another network than network.average_of"
                f"[{digests.index(digest)}], found the same file again: {path}; name each once."
            )
        plans.append(plan)
        digests.append(digest)
    source = hashlib.sha256("".join(digests).encode()).hexdigest()
    return Start(mean_of([load(path, dense) for path in paths]), dense, plans[0], source)


def with_widths(plan: PrunePlan, network: nn.Module, section: NetworkSection) -> PrunePlan:
    """Note the widths before a plan in it, unless the name of a built-in network gives them."""
    if not is_reference(section.model):
        return plan
    layers = [list(layer) for layer in layers_of(network)]
    return replace(plan, notes={**plan.notes, "widths": layers})


def load_artifact(path: Path, recipe: Recipe, classes: int) -> nn.Module:
    """The network in an artefact or a state dict, declared as the recipe declares its own."""
    return open_file(path, _declared(recipe, classes)).network


def _declared(recipe: Recipe, classes: int) -> nn.Module:
    """The dense network, with random weights that depend on the seed alone."""
    section = recipe.network
    with seeded(recipe.seed):
        if is_reference(section.model):
            if section.options:
                raise InputError(
                    f"network.options: expected none for {section.model}, found "
                    f"{', '.join(section.options)}; let the factory decide."
                )
            return resolve(section.model)
        options: dict[str, Any] = dict(section.options)
        if "num_classes" in options:
            raise InputError(
                f"network.options: expected no num_classes, found {options['num_classes']}; the "
                f"data set has {classes} classes, and so has the network."
            )
        return build(section.model, num_classes=classes, **options).eval()


def normalisation_of(recipe: Recipe, start: Start) -> Normalisation:
    """Return the normalisation of a recipe's images.

    Raises:
        InputError: the files of the weights, or the teacher's, have different normalisations.
    """
    section, teacher = recipe.network, recipe.distillation and recipe.distillation.teacher
    paths = section.weights or ((section.architecture_of,) if section.architecture_of else ())
    kept = [(path, artifact_preprocessing(path)) for path in paths if is_artifact(path)]
    first = kept[0][1] if kept else None
    for path, other in kept:
        if other is not None and first is not None and not _alike(other, first):
            raise InputError(
                f"network.average_of: expected networks of one normalisation, found others in "
                f"{kept[0][0]} and {path}; average networks that were trained alike."
            )
    found = choose(recipe.data.given, artifact=first, network=start.dense)
    theirs = artifact_preprocessing(teacher) if teacher and is_artifact(teacher) else None
    if theirs is not None and not _alike(theirs, found.preprocessing):
        raise InputError(
            f"distillation.teacher: expected a network whose images are normalised as those of the "
            f"network that is trained, found another mean, std or range in {teacher}; say mean and "
            "std in section [data], or take another teacher."
        )
    return found


def _alike(one: Preprocessing, other: Preprocessing) -> bool:
    return replace(one, size=None) == replace(other, size=None)


def artifact_preprocessing(path: Path) -> Preprocessing | None:
    """Return how an artefact prepares its images, or None where it does not say."""
    return preprocessing_of(read_header(path))
