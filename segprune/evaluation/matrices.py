"""The counts of every image, as an evaluation keeps them in a file of numpy's."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import numpy as np

from segprune.errors import ArtifactError
from segprune.evaluation.evaluate import Evaluation
from segprune.evaluation.metrics import ConfusionMatrix

__all__ = ["pack_matrices", "read_matrices"]


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
        with path.open("rb") as stream, np.load(stream, allow_pickle=False) as content:
            names, entries = content["names"], content["entries"]
    except (OSError, KeyError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise ArtifactError(
            f"{path}: expected the matrices of an evaluation, found {type(error).__name__}: "
            f"{error}; evaluate again."
        ) from error
    matrix = ConfusionMatrix.from_entries(entries, len(names), num_classes)
    return tuple(map(str, names)), matrix
