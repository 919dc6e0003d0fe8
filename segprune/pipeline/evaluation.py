"""Evaluate an artefact or a network on a data set; the record stays with the counts of every image.

Nothing is printed. The folder of results appears at the end, whole or not at all.
"""

from __future__ import annotations

import dataclasses
import io
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import numpy as np
import torch
from torch import nn

from segprune.artifacts import read_header
from segprune.data.opening import open_dataset
from segprune.data.preprocessing import Preprocessing
from segprune.environment import Environment, environment
from segprune.errors import ArtifactError, InputError
from segprune.evaluation import Evaluation, evaluate_images
from segprune.metrics import ConfusionMatrix, Score
from segprune.models.weights import file_digest
from segprune.pipeline.dense import load_dense
from segprune.pipeline.folder import choose_folder
from segprune.pipeline.predict.predictor import load_predictor
from segprune.pipeline.training.record import package_versions
from segprune.records import new_folder, write_atomic, write_record

if TYPE_CHECKING:
    from segprune.data.dataset import SegmentationDataset

__all__ = [
    "EvaluationJob",
    "EvaluationRecord",
    "EvaluationResult",
    "read_matrices",
    "run_evaluation",
]

MATRICES, RECORD = "matrices.npz", "evaluation.json"

Progress = Callable[[str, int, int], None]
"""Called with a step's name, and how much of it is done out of how much."""


@dataclass(frozen=True)
class EvaluationJob:
    """What to do; every field has the meaning of the option of the same name.

    Attributes:
        subject: an artefact's file, a built-in network's name, or `package.module:factory`.
        data: name of the data set; None means the one that the artefact names.
        size: (H, W) that images are resized to; None means what the artefact says, or as stored.
        model: `package.module:factory` of the dense network, for artefacts of a user's own.
        weights: of a network that is no artefact.
        name: of the folder under `out`; None derives a free one.
        command: the command line to record, without paths.
    """

    subject: str
    data: str | None = None
    root: Path | None = None
    split: str = "val"
    size: tuple[int, int] | None = None
    count: int | None = None
    model: str | None = None
    weights: Path | None = None
    device: str = "cpu"
    out: Path = Path("runs")
    name: str | None = None
    replace: bool = False
    command: tuple[str, ...] = ()


@dataclass(frozen=True)
class EvaluationRecord:
    """An evaluation as it is kept in `evaluation.json`; digests are SHA-256.

    Attributes:
        model: class of the network.
        artifact, plan: digests of the artefact's file and of its plan; None without an artefact.
        weights: digest of the file of weights; None where none was given.
        images_digest: of images and labels, as `SegmentationDataset.digest`.
        preprocessing: of the images; size None: as they are stored.
        predictions: digest of the predicted classes of all images (uint8), in order.
        matrices: digest of `matrices.npz`, which `read_matrices` reads.
    """

    SCHEMA: ClassVar[str] = "segprune.evaluation/1"

    command: tuple[str, ...]
    model: str
    artifact: str | None
    plan: str | None
    weights: str | None
    data: str
    split: str
    images_digest: str
    classes: tuple[str, ...]
    preprocessing: Preprocessing
    score: Score
    predictions: str
    matrices: str
    device: str
    packages: Mapping[str, str]
    environment: Environment


@dataclass(frozen=True)
class EvaluationResult:
    """What came of a job.

    Attributes:
        doubts: what a reader of the score has to know, a sentence each.
    """

    folder: Path
    record: EvaluationRecord
    doubts: tuple[str, ...]


def run_evaluation(
    job: EvaluationJob, progress: Progress = lambda step, done, total: None
) -> EvaluationResult:
    """Do the whole job, and leave `evaluation.json` and `matrices.npz` in a folder of their own.

    Raises:
        InputError: a data set that cannot be opened, or whose classes are not the network's.
        ArtifactError, ModelError: the artefact, network or weights cannot be read, or do not fit.
    """
    progress("load", 0, 1)
    subject = _artifact(job) if _is_artifact(job.subject) else _network(job)
    dataset = open_dataset(
        _data_name(job, subject), job.root, split=job.split, count=job.count,
        size=job.size or subject.preprocessing.size,
    )  # fmt: skip
    doubts = (*subject.doubts, *_check_classes(subject, dataset))
    # Before the work: a name that is taken should not cost minutes.
    stem = f"eval-{subject.name}-{dataset.name}-{dataset.split}"
    folder = choose_folder(job.out, job.name, stem, replace=job.replace)
    network = _moved(subject.build(len(dataset.classes)), job.device)
    preprocessing = dataclasses.replace(subject.preprocessing, size=dataset.size)
    found = evaluate_images(
        network, dataset, preprocessing=preprocessing,
        progress=lambda done, total: progress("evaluate", done, total),
    )  # fmt: skip
    progress("write", 0, 1)
    with new_folder(folder, replace=job.replace) as staging:
        write_atomic(staging / MATRICES, _packed(found))
        record = EvaluationRecord(
            command=job.command,
            model=type(network).__name__,
            artifact=subject.artifact,
            plan=subject.plan,
            weights=file_digest(job.weights) if job.weights else None,
            data=dataset.name,
            split=dataset.split,
            images_digest=found.data,
            classes=dataset.classes.names,
            preprocessing=preprocessing,
            score=found.score,
            predictions=found.predictions,
            matrices=file_digest(staging / MATRICES),
            device=job.device,
            packages=package_versions(),
            environment=environment(),
        )
        write_record(staging / RECORD, record)
    progress("write", 1, 1)
    return EvaluationResult(folder, record, doubts)


def read_matrices(path: Path, num_classes: int) -> tuple[tuple[str, ...], ConfusionMatrix]:
    """Names of the images and their counts, as `run_evaluation` wrote them.

    Raises:
        ArtifactError: the file cannot be read, or is of another kind.
        InputError: it is of other classes.
    """
    try:
        with np.load(path, allow_pickle=False) as content:
            names, entries = content["names"], content["entries"]
    except (OSError, KeyError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise ArtifactError(
            f"{path}: expected the matrices of an evaluation, found {type(error).__name__}: "
            f"{error}; evaluate again."
        ) from error
    matrix = ConfusionMatrix.from_entries(entries, len(names), num_classes)
    return tuple(map(str, names)), matrix


# -- what is evaluated -----------------------------------------------------------------------------


@dataclass(frozen=True)
class _Subject:
    """A network to evaluate, built when the number of classes is known."""

    name: str
    build: Callable[[int], nn.Module]
    preprocessing: Preprocessing
    classes: tuple[str, ...] | None = None
    data: str | None = None
    artifact: str | None = None
    plan: str | None = None
    doubts: tuple[str, ...] = ()


def _is_artifact(text: str) -> bool:
    if text.endswith(".safetensors"):
        return True
    return ":" not in text and (Path(text).is_file() or "/" in text)


def _artifact(job: EvaluationJob) -> _Subject:
    path = Path(job.subject)
    if job.weights is not None:
        raise InputError(
            f"weights: expected none beside {path.name}, which has its own, found {job.weights}; "
            "leave them out, or name the network in place of the file."
        )
    found = load_predictor(path, job.model)
    assumed = "the file does not say how its images were prepared: ImageNet's mean and deviation"
    return _Subject(
        name=found.name,
        build=lambda classes: found.network,
        preprocessing=found.preprocessing,
        classes=found.classes,
        data=found.data,
        artifact=found.digest,
        plan=read_header(path).plan.digest,
        doubts=() if found.told else (f"{assumed} are assumed",),
    )


def _network(job: EvaluationJob) -> _Subject:
    if job.model is not None:
        raise InputError(
            f"model: expected none beside {job.subject}, found {job.model}; it is for artefacts of "
            "networks of your own. Leave it out."
        )
    factory = job.subject.partition(":")[2].replace(".", "-")
    random = "the weights are random unless the factory loads some" if factory else "random weights"

    def build(classes: int) -> nn.Module:
        known = None if factory else classes
        weights = job.weights
        # The example is not used here: its size says nothing.
        return load_dense(job.subject, input=(1, 3, 1, 1), classes=known, weights=weights).model

    return _Subject(
        name=factory or job.subject,
        build=build,
        preprocessing=Preprocessing(),
        doubts=() if job.weights else (f"{random}: none were given",),
    )


def _data_name(job: EvaluationJob, subject: _Subject) -> str:
    name = job.data or subject.data
    if name is None:
        raise InputError(
            f"data: expected the name of a data set, found none, and {subject.name} names none; "
            "pass --data NAME."
        )
    return name


def _check_classes(subject: _Subject, dataset: SegmentationDataset) -> tuple[str, ...]:
    """Refuse other classes; classes that only have other names are a doubt."""
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


def _moved(network: nn.Module, device: str) -> nn.Module:
    try:
        return network.to(torch.device(device))
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        first = (str(error).splitlines() or [""])[0]
        raise InputError(
            f"device: expected one that torch can use, such as cpu or cuda, found {device!r}: "
            f"{first}; choose another."
        ) from error


def _packed(found: Evaluation) -> bytes:
    stream = io.BytesIO()
    np.savez_compressed(stream, names=np.array(found.names), entries=found.matrix.entries)
    return stream.getvalue()


def _few(names: tuple[str, ...]) -> str:
    return ", ".join(names[:3]) + (", …" if len(names) > 3 else "")
