"""Evaluate an artefact or a network on a data set; the record stays with the counts of every image.

Nothing is printed. The folder of results appears at the end, whole or not at all.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import nn

from segprune.artifacts import is_artifact
from segprune.data.dataset import SegmentationDataset
from segprune.data.normalisation import Given, Normalisation
from segprune.data.opening import open_dataset
from segprune.errors import InputError
from segprune.evaluation.evaluate import evaluate_images, near_chance
from segprune.evaluation.matrices import pack_matrices
from segprune.models.references import is_reference
from segprune.models.weights import file_digest
from segprune.records.environment import environment
from segprune.records.evaluation import MATRICES, RECORD, EvaluationRecord
from segprune.records.io import new_folder, write_atomic, write_record
from segprune.records.training import package_versions
from segprune.workflows.folder import choose_folder
from segprune.workflows.jobs import EvaluationJob, Progress
from segprune.workflows.open import OpenedNetwork, open_file, open_network

__all__ = ["EvaluationResult", "check_classes", "run_evaluation"]

_ASSUMED = (
    "the file does not say how its images were prepared: ImageNet's mean and deviation are assumed"
)


@dataclass(frozen=True)
class EvaluationResult:
    """The result of a job.

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
    opened, dataset = _opened(job)
    doubts = (*_doubts(opened, job), *check_classes(opened, dataset), *dataset.notes)
    # Before the work: a name that is taken should not cost minutes.
    stem = f"eval-{opened.name}-{dataset.name}-{dataset.split}"
    folder = choose_folder(job.out, job.name, stem, replace=job.replace)
    network = _moved(opened.network, job.device)
    preprocessing = replace(opened.preprocessing, size=dataset.size)
    found = evaluate_images(
        network, dataset, preprocessing=preprocessing,
        progress=lambda done, total: progress("evaluate", done, total),
    )  # fmt: skip
    progress("write", 0, 1)
    with new_folder(folder, replace=job.replace) as staging:
        write_atomic(staging / MATRICES, pack_matrices(found))
        record = EvaluationRecord(
            command=job.command,
            model=type(network).__name__,
            artifact=opened.artifact,
            plan=None if opened.plan is None else opened.plan.digest,
            weights=opened.weights,
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
            normalisation=opened.normalisation.source,
        )
        write_record(staging / RECORD, record)
    progress("write", 1, 1)
    warning = near_chance(found.matrix) if opened.is_dense else ""
    return EvaluationResult(folder, record, doubts, opened.normalisation, warning)


def _opened(job: EvaluationJob) -> tuple[OpenedNetwork, SegmentationDataset]:
    """Open the network and the data set: each may say what the other has to be."""
    path = Path(job.subject)
    if not _is_file(job.subject):
        if job.model is not None:
            raise InputError(
                f"model: expected none beside {job.subject}, found {job.model}; it is for "
                "artefacts and weights, whose network it names. Leave it out."
            )
        dataset = _dataset(job, job.subject)
        return _named(job.subject, job.weights, dataset, job.given), dataset
    if job.weights is not None:
        raise InputError(
            f"weights: expected none beside {path.name}, which has its own, found {job.weights}; "
            "leave them out, or name the network in place of the file."
        )
    if job.model is None or not path.is_file() or is_artifact(path):
        opened = open_file(path, job.model, given=job.given)
        return opened, _dataset(job, opened.name, opened)
    dataset = _dataset(job, path.stem)
    return replace(_named(job.model, path, dataset, job.given), name=path.stem), dataset


def _is_file(text: str) -> bool:
    if text.endswith(".safetensors"):
        return True
    return ":" not in text and (Path(text).is_file() or "/" in text)


def _named(
    model: str, weights: Path | None, dataset: SegmentationDataset, given: Given
) -> OpenedNetwork:
    """Open a dense network; a built-in one gets the classes of the data set."""
    classes = None if is_reference(model) else len(dataset.classes)
    return open_network(model, weights=weights, num_classes=classes, given=given)


def _dataset(
    job: EvaluationJob, name: str, opened: OpenedNetwork | None = None
) -> SegmentationDataset:
    data, size = (None, None) if opened is None else (opened.data, opened.size)
    data = job.data or data
    if data is None:
        raise InputError(
            f"data: expected the name of a data set, found none, and {name} names none; "
            "pass --data NAME."
        )
    return open_dataset(
        data, job.root, split=job.split, count=job.count,
        size=job.size or size, label_map=job.label_map,
    )  # fmt: skip


def _doubts(opened: OpenedNetwork, job: EvaluationJob) -> tuple[str, ...]:
    if opened.header is not None:
        return (_ASSUMED,) if opened.normalisation.is_assumed else ()
    if opened.weights is not None:
        return ()
    own = is_reference(job.subject)
    random = "the weights are random unless the factory loads some" if own else "random weights"
    return (f"{random}: none were given",)


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


def check_classes(opened: OpenedNetwork, dataset: SegmentationDataset) -> tuple[str, ...]:
    """Compare the classes of a network and of a data set; names that differ are a doubt.

    Raises:
        InputError: other classes, or in another order.
    """
    ours, theirs = opened.classes, dataset.classes.names
    if ours is None or ours == theirs:
        return ()
    if len(ours) != len(theirs):
        raise InputError(
            f"classes: expected the {len(ours)} of {opened.name} ({_few(ours)}), found "
            f"{len(theirs)} of {dataset.name} ({_few(theirs)}); evaluate it on a data set of its "
            "own classes, or map the labels."
        )
    differing = [n for n, (one, other) in enumerate(zip(ours, theirs, strict=True)) if one != other]
    first = differing[0]
    if sorted(ours) == sorted(theirs):
        raise InputError(
            f"classes: expected the order of {opened.name}, where {first} is {ours[first]!r}, "
            f"found that of {dataset.name}, where it is {theirs[first]!r}; map the labels."
        )
    more = f", and {len(differing) - 1} more have other names" if len(differing) > 1 else ""
    return (
        f"class {first} is {ours[first]!r} in {opened.name} and {theirs[first]!r} in "
        f"{dataset.name}{more}",
    )


def _few(names: tuple[str, ...]) -> str:
    return ", ".join(names[:3]) + (", …" if len(names) > 3 else "")
