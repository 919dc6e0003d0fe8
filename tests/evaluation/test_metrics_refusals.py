"""What cannot be counted is refused, and leaves no trace."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

import segprune
from evaluation.cases import VOID, counted
from segprune.errors import InputError
from segprune.evaluation.metrics import ConfusionMatrix
from segprune.records.score import Score


@pytest.mark.parametrize(
    ("prediction", "target", "said"),
    [
        (torch.zeros(1, 2, 2), torch.zeros(1, 2, 2).long(), "take argmax"),
        (torch.zeros(1, 2, 2).long(), torch.zeros(1, 2, 2), "expected integers"),
        (torch.zeros(2, 2).long(), torch.zeros(2, 2).long(), r"\(N, H, W\), found \(2, 2\)"),
        (np.zeros((1, 2, 2), int), torch.zeros(1, 2, 2).long(), "found ndarray"),
        (torch.zeros(1, 4, 4).long(), torch.zeros(1, 8, 8).long(), "resize logits"),
        (torch.zeros(2, 2, 2).long(), torch.zeros(1, 2, 2).long(), "target's shape"),
        (torch.zeros(1, 1, 1).long(), torch.tensor([[[3]]]), "below 3 or void 255, found 3"),
        (torch.zeros(1, 1, 1).long(), torch.tensor([[[-1]]]), "found -1"),
        (torch.zeros(1, 1, 1).long(), torch.tensor([[[254]]]), "found 254"),
    ],
)
def test_what_cannot_be_counted_is_refused(prediction: Any, target: Any, said: str) -> None:
    with pytest.raises(InputError, match=said):
        ConfusionMatrix(3).update(prediction, target)


def test_a_refused_batch_leaves_no_trace() -> None:
    matrix = counted(3, [[[0]]], [[[0]]])
    with pytest.raises(InputError, match="found 7"):
        matrix.update(torch.tensor([[[0]], [[0]]]), torch.tensor([[[0]], [[7]]]))
    assert len(matrix) == 1
    assert matrix.counts.sum() == 1


@pytest.mark.parametrize("count", [0, -1, 256])
def test_a_number_of_classes_that_void_does_not_allow_is_refused(count: int) -> None:
    with pytest.raises(InputError, match=f"expected 1 to 255.*found {count}"):
        ConfusionMatrix(count)


@pytest.mark.parametrize("other", [ConfusionMatrix(4), ConfusionMatrix(3, void=254)])
def test_matrices_of_other_classes_do_not_merge(other: ConfusionMatrix) -> None:
    with pytest.raises(InputError, match="do not fit"):
        ConfusionMatrix(3).merge(other)


def test_nothing_labelled_has_no_score() -> None:
    with pytest.raises(InputError, match="labelled pixels"):
        ConfusionMatrix(3).score()
    with pytest.raises(InputError, match="all void"):
        counted(3, torch.zeros(1, 2, 2).long(), torch.full((1, 2, 2), VOID)).score()


def test_an_empty_batch_changes_nothing() -> None:
    matrix = counted(3, torch.zeros(0, 4, 4).long(), torch.zeros(0, 4, 4).long())
    assert len(matrix) == 0
    assert matrix.per_image.shape == (0, 3, 4)
    assert matrix.entries.shape == (0, 4)
    assert len(ConfusionMatrix.from_entries(matrix.entries, 0, 3)) == 0


def test_the_classes_are_exported() -> None:
    assert segprune.ConfusionMatrix is ConfusionMatrix
    assert segprune.Score is Score
