"""Evaluate an artefact or a network on a data set; the record stays with the counts of every image.

Nothing is printed. The folder of results appears at the end, whole or not at all.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from segprune.data.normalisation import NOTHING, Given, Normalisation, choose
from segprune.data.opening import open_dataset
from segprune.errors import InputError
from segprune.evaluation.evaluate import evaluate_images, near_chance
from segprune.evaluation.matrices import pack_matrices
from segprune.models.weights import file_digest
from segprune.records.environment import environment
from segprune.records.evaluation import MATRICES, RECORD, EvaluationRecord
from segprune.records.io import new_folder, write_atomic, write_record
from segprune.records.training import package_versions
from segprune.workflows.evaluation.subject import Subject, check_classes, subject_of
from segprune.workflows.folder import choose_folder

__all__ = ["EvaluationJob", "EvaluationResult", "run_evaluation"]

Progress = Callable[[str, int, int], None]
"""Called with a step's name, and how much of it is done out of how much."""

_ASSUMED = (
    "the file does not say how its images were prepared: ImageNet's mean and deviation are assumed"
)


@dataclass(frozen=True)
class EvaluationJob:
    """What to do; every field has the meaning of the option of the same name.

    Attributes:
        subject: an artefact's file, a built-in network's name, or `package.module:factory`.
        data: name of the data set; None means the one that the artefact names.
        size: (H, W) that images are resized to; None means what the artefact says, or as stored.
        given: the user's values for the normalisation.
        label_map: what single values in label files mean.
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
    given: Given = NOTHING
    label_map: Mapping[Any, Any] | None = None
    model: str | None = None
    weights: Path | None = None
    device: str = "cpu"
    out: Path = Path("runs")
    name: str | None = None
    replace: bool = False
    command: tuple[str, ...] = ()


@dataclass(frozen=True)
class EvaluationResult:
    """What came of a job.

    Attributes:
        doubts: what a reader of the score has to know, a sentence each.
        normalisation: the normalisation of the images.
        warning: a sentence if a dense network does no better than guessing; else empty.
    """

    folder: Path
    record: EvaluationRecord
    doubts: tuple[str, ...]
    normalisation: Normalisation
    warning: str


def run_evaluation(
    job: EvaluationJob,
    progress: Progress = lambda step, done, total: None,
) -> EvaluationResult:
    """Do the whole job, and leave `evaluation.json` and `matrices.npz` in a folder of their own.

    Raises:
        InputError: a data set that cannot be opened, or whose classes are not the network's.
        ArtifactError, ModelError: the artefact, network or weights cannot be read, or do not fit.
    """
    progress("load", 0, 1)
    subject = subject_of(job.subject, job.model, job.weights)
    dataset = open_dataset(
        _data_name(job, subject), job.root, split=job.split, count=job.count,
        size=job.size or subject.size, label_map=job.label_map,
    )  # fmt: skip
    doubts = (*subject.doubts, *check_classes(subject, dataset), *dataset.notes)
    # Before the work: a name that is taken should not cost minutes.
    stem = f"eval-{subject.name}-{dataset.name}-{dataset.split}"
    folder = choose_folder(job.out, job.name, stem, replace=job.replace)
    network = _moved(subject.build(len(dataset.classes)), job.device)
    normalisation = choose(job.given, artifact=subject.preprocessing, network=network)
    preprocessing = dataclasses.replace(normalisation.preprocessing, size=dataset.size)
    found = evaluate_images(
        network, dataset, preprocessing=preprocessing,
        progress=lambda done, total: progress("evaluate", done, total),
    )  # fmt: skip
    if subject.artifact is not None and normalisation.is_assumed:
        doubts = (_ASSUMED, *doubts)
    progress("write", 0, 1)
    with new_folder(folder, replace=job.replace) as staging:
        write_atomic(staging / MATRICES, pack_matrices(found))
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
            normalisation=normalisation.source,
        )
        write_record(staging / RECORD, record)
    progress("write", 1, 1)
    warning = near_chance(found.matrix) if subject.dense else ""
    return EvaluationResult(folder, record, doubts, normalisation, warning)


def _data_name(job: EvaluationJob, subject: Subject) -> str:
    name = job.data or subject.data
    if name is None:
        raise InputError(
            f"data: expected the name of a data set, found none, and {subject.name} names none; "
            "pass --data NAME."
        )
    return name


def _moved(network: nn.Module, device: str) -> nn.Module:
    try:
        chosen = torch.device(device)
        if chosen.type == "meta":
            raise RuntimeError("it holds shapes, and no numbers")
        return network.to(chosen)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        first = (str(error).splitlines() or [""])[0]
        raise InputError(
            f"device: expected one that torch can use, such as cpu or cuda, found {device!r}: "
            f"{first}; choose another."
        ) from error
