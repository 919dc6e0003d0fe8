"""What is evaluated: an artefact, or a network with or without weights."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from torch import nn

from segprune.artifacts import is_artifact, read_header
from segprune.errors import InputError
from segprune.records.preprocessing import Preprocessing
from segprune.workflows.dense import load_dense
from segprune.workflows.predict.predictor import load_predictor

if TYPE_CHECKING:
    from segprune.data.dataset import SegmentationDataset

__all__ = ["Subject", "check_classes", "subject_of"]


@dataclass(frozen=True)
class Subject:
    """A network to evaluate, built when the number of classes is known.

    Attributes:
        preprocessing: the preprocessing in its file, or None.
        size: (H, W) that images are resized to, if its file gives it.
        dense: whether nothing was removed from it.
    """

    name: str
    build: Callable[[int], nn.Module]
    preprocessing: Preprocessing | None
    dense: bool
    classes: tuple[str, ...] | None = None
    data: str | None = None
    artifact: str | None = None
    plan: str | None = None
    size: tuple[int, int] | None = None
    doubts: tuple[str, ...] = ()


def subject_of(named: str, model: str | None, weights: Path | None) -> Subject:
    """What a name stands for.

    Args:
        named: an artefact's file, a built-in network's name, or `package.module:factory`.
        model: `package.module:factory` of the dense network, for artefacts of a user's own.
        weights: of a network that is no artefact.

    Raises:
        InputError: `model` beside a network, or `weights` beside an artefact.
        ArtifactError: the artefact cannot be read.
    """
    if _is_artifact(named):
        return _artifact(Path(named), model, weights)
    return _network(named, model, weights)


def check_classes(subject: Subject, dataset: SegmentationDataset) -> tuple[str, ...]:
    """What is to be said of the classes: those that only have other names are a doubt.

    Raises:
        InputError: other classes, or in another order.
    """
    ours, theirs = subject.classes, dataset.classes.names
    if ours is None or ours == theirs:
        return ()
    if len(ours) != len(theirs):
        raise InputError(
            f"classes: expected the {len(ours)} of {subject.name} ({_few(ours)}), found "
            f"{len(theirs)} of {dataset.name} ({_few(theirs)}); evaluate it on a data set of its "
            "own classes, or map the labels."
        )
    differing = [n for n, (one, other) in enumerate(zip(ours, theirs, strict=True)) if one != other]
    first = differing[0]
    if sorted(ours) == sorted(theirs):
        raise InputError(
            f"classes: expected the order of {subject.name}, where {first} is {ours[first]!r}, "
            f"found that of {dataset.name}, where it is {theirs[first]!r}; map the labels."
        )
    more = f", and {len(differing) - 1} more have other names" if len(differing) > 1 else ""
    return (
        f"class {first} is {ours[first]!r} in {subject.name} and {theirs[first]!r} in "
        f"{dataset.name}{more}",
    )


def _is_artifact(text: str) -> bool:
    if text.endswith(".safetensors"):
        return True
    return ":" not in text and (Path(text).is_file() or "/" in text)


def _artifact(path: Path, model: str | None, weights: Path | None) -> Subject:
    if weights is not None:
        raise InputError(
            f"weights: expected none beside {path.name}, which has its own, found {weights}; "
            "leave them out, or name the network in place of the file."
        )
    if path.is_file() and not is_artifact(path):
        raise InputError(
            f"{path}: expected an artefact of segprune, found another kind of file; weights of a "
            "dense network are scored with segprune eval NETWORK --weights FILE."
        )
    found = load_predictor(path, model)
    plan = read_header(path).plan
    return Subject(
        name=found.name,
        build=lambda classes: found.network,
        preprocessing=found.preprocessing if found.told else None,
        dense=plan.network == plan.result,
        classes=found.classes,
        data=found.data,
        artifact=found.digest,
        plan=plan.digest,
        size=found.preprocessing.size,
    )


def _network(named: str, model: str | None, weights: Path | None) -> Subject:
    if model is not None:
        raise InputError(
            f"model: expected none beside {named}, found {model}; it is for artefacts of "
            "networks of your own. Leave it out."
        )
    factory = named.partition(":")[2].replace(".", "-")
    random = "the weights are random unless the factory loads some" if factory else "random weights"

    def build(classes: int) -> nn.Module:
        known = None if factory else classes
        # The example is not used here: its size says nothing.
        return load_dense(named, input=(1, 3, 1, 1), classes=known, weights=weights).model

    return Subject(
        name=factory or named,
        build=build,
        preprocessing=None,
        dense=True,
        doubts=() if weights else (f"{random}: none were given",),
    )


def _few(names: tuple[str, ...]) -> str:
    return ", ".join(names[:3]) + (", …" if len(names) > 3 else "")
