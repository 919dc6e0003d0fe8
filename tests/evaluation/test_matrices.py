"""The counts of every image survive their file, and other files are refused by name."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

import segprune
from segprune.errors import ArtifactError, SegpruneError
from segprune.evaluation.evaluate import Evaluation, evaluate_images
from segprune.evaluation.matrices import pack_matrices, read_matrices


@pytest.fixture(scope="module")
def found() -> Evaluation:
    torch.manual_seed(0)
    dataset = segprune.open_dataset("streets", split="val", size=(32, 64), count=3)
    return evaluate_images(nn.Conv2d(3, len(dataset.classes), 1).eval(), dataset)


def test_names_and_counts_come_back(found: Evaluation, tmp_path: Path) -> None:
    file = tmp_path / "matrices.npz"
    file.write_bytes(pack_matrices(found))
    names, matrix = read_matrices(file, found.matrix.num_classes)
    assert names == tuple(found.names)
    assert np.array_equal(matrix.counts, found.matrix.counts)
    assert np.array_equal(matrix.entries, found.matrix.entries)


@pytest.mark.parametrize("kind", ["missing", "text", "cut", "other arrays"])
def test_another_file_is_refused_by_name(found: Evaluation, tmp_path: Path, kind: str) -> None:
    file, content = tmp_path / "matrices.npz", pack_matrices(found)
    if kind == "other arrays":
        np.savez(file, names=np.arange(3))
    elif kind != "missing":
        file.write_bytes(b"matrices" if kind == "text" else content[: len(content) // 2])
    with pytest.raises(ArtifactError, match=r"matrices\.npz: expected the matrices"):
        read_matrices(file, found.matrix.num_classes)


def test_counts_of_other_classes_are_refused(found: Evaluation, tmp_path: Path) -> None:
    file = tmp_path / "matrices.npz"
    file.write_bytes(pack_matrices(found))
    with pytest.raises(SegpruneError):
        read_matrices(file, 2)
