"""What is kept of an evaluation: the score, and the counts of every image."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

import numpy as np

from segprune.errors import ArtifactError
from segprune.evaluation.evaluate import Evaluation
from segprune.evaluation.metrics import ConfusionMatrix, Score
from segprune.records.environment import Environment
from segprune.records.io import LATER
from segprune.records.preprocessing import Preprocessing

__all__ = ["MATRICES", "RECORD", "EvaluationRecord", "pack_matrices", "read_matrices"]

MATRICES, RECORD = "matrices.npz", "evaluation.json"


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
        normalisation: the source of mean, deviation and range in `preprocessing`.
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
    normalisation: str = field(default="", metadata=LATER)


def pack_matrices(found: Evaluation) -> bytes:
    """Names of the images and their counts, as a file of numpy's."""
    stream = io.BytesIO()
    np.savez_compressed(stream, names=np.array(found.names), entries=found.matrix.entries)
    return stream.getvalue()


def read_matrices(path: Path, num_classes: int) -> tuple[tuple[str, ...], ConfusionMatrix]:
    """Names of the images and their counts, as `pack_matrices` wrote them.

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
