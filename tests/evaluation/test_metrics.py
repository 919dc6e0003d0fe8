"""Laws of counting: batches, orders, void, other numbers for the classes, and exact counts."""

from __future__ import annotations

import itertools
import tracemalloc
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from evaluation.cases import VOID, WORKED, counted, pairs
from segprune.errors import InputError
from segprune.evaluation.metrics import ConfusionMatrix, score_counts


@given(pairs(), st.data())
def test_any_split_into_batches_gives_the_same_counts(
    case: tuple[int, Tensor, Tensor], data: st.DataObject
) -> None:
    count, prediction, target = case
    whole, parts, merged = counted(*case), ConfusionMatrix(count), ConfusionMatrix(count)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(target)), max_size=4)))
    for first, last in zip([0, *cuts], [*cuts, len(target)], strict=True):
        parts.update(prediction[first:last], target[first:last])
        merged.merge(counted(count, prediction[first:last], target[first:last]))
    for other in (parts, merged):
        assert np.array_equal(other.counts, whole.counts)
        assert np.array_equal(other.per_image, whole.per_image)
        assert other.score() == whole.score()


@given(pairs())
def test_images_are_kept_apart_and_add_up(case: tuple[int, Tensor, Tensor]) -> None:
    count, prediction, target = case
    matrix = counted(*case)
    assert len(matrix) == len(target) == matrix.score().images
    assert np.array_equal(matrix.per_image.sum(axis=0), matrix.counts)
    for image, own in enumerate(matrix.per_image):
        alone = counted(count, prediction[image : image + 1], target[image : image + 1])
        assert np.array_equal(own, alone.counts)
        assert own.sum() == int((target[image] != VOID).sum())
    dense = np.zeros_like(matrix.per_image)
    image, row, column, pixels = matrix.entries.T
    dense[image, row, column] = pixels
    assert np.array_equal(dense, matrix.per_image)
    assert bool((pixels > 0).all())


@given(pairs())
def test_entries_lead_back_to_the_matrix(case: tuple[int, Tensor, Tensor]) -> None:
    matrix = counted(*case)
    again = ConfusionMatrix.from_entries(matrix.entries, len(matrix), case[0])
    assert np.array_equal(again.per_image, matrix.per_image)
    assert np.array_equal(again.counts, matrix.counts)
    assert again.score() == matrix.score()


@pytest.mark.parametrize(
    "entries",
    [
        [[0, 0, 0, 1], [2, 0, 0, 1]],
        [[0, 3, 0, 1]],
        [[0, 0, 4, 1]],
        [[0, 0, -1, 1]],
        [[0, 0, 0, 0]],
        [[0, 0, 0, 1], [0, 0, 0, 1]],
        [[1, 0, 0, 1], [0, 0, 0, 1]],
        [[0, 0, 1]],
        [0, 0, 0, 1],
        [[0.0, 0.0, 0.0, 1.0]],
    ],
)
def test_entries_of_another_evaluation_are_refused(entries: Any) -> None:
    with pytest.raises(InputError, match="2 images and 3 classes"):
        ConfusionMatrix.from_entries(np.array(entries), 2, 3)


@given(pairs(), st.randoms(use_true_random=False))
def test_other_numbers_for_the_classes_only_reorder_their_scores(
    case: tuple[int, Tensor, Tensor], random: Any
) -> None:
    count, prediction, target = case
    order = list(range(count))
    random.shuffle(order)
    table = torch.arange(256)
    table[:count] = torch.tensor(order)
    score = counted(*case).score()
    other = counted(count, table[prediction], table[target.long()]).score()
    assert [other.class_iou[new] for new in order] == list(score.class_iou)
    assert other.miou == score.miou  # to the last bit: the mean does not depend on the order
    assert other.pixel_accuracy == score.pixel_accuracy


@given(pairs(), st.randoms(use_true_random=False))
def test_neither_the_order_of_images_nor_that_of_pixels_matters(
    case: tuple[int, Tensor, Tensor], random: Any
) -> None:
    count, prediction, target = case
    order = list(range(target.numel()))
    random.shuffle(order)
    moved = [part.flatten()[order].reshape(part.shape) for part in (prediction, target)]
    assert counted(count, *moved).score() == counted(*case).score()


@given(pairs(), st.integers(0, 300))
def test_what_is_predicted_on_void_never_counts(
    case: tuple[int, Tensor, Tensor], value: int
) -> None:
    count, prediction, target = case
    other = torch.where(target == VOID, value, prediction)
    assert np.array_equal(counted(count, other, target).per_image, counted(*case).per_image)


@given(pairs())
def test_void_pixels_may_as_well_be_missing(case: tuple[int, Tensor, Tensor]) -> None:
    count, prediction, target = case
    kept = target != VOID
    alone = counted(count, prediction[kept].reshape(1, 1, -1), target[kept].reshape(1, 1, -1))
    assert np.array_equal(alone.counts, counted(*case).counts)


@given(pairs())
def test_a_perfect_prediction_scores_one(case: tuple[int, Tensor, Tensor]) -> None:
    count, _, target = case
    score = counted(count, target, target).score()
    assert (score.miou, score.pixel_accuracy) == (1.0, 1.0)
    assert {share for share in score.class_iou if share is not None} == {1.0}
    assert [share is None for share in score.class_iou] == [
        not bool((target == index).any()) for index in range(count)
    ]


@given(pairs(invalid=False))
def test_prediction_and_target_may_change_places(case: tuple[int, Tensor, Tensor]) -> None:
    count, prediction, target = case
    target = torch.where(target == VOID, 0, target.long())
    forth, back = counted(count, prediction, target), counted(count, target, prediction)
    assert np.array_equal(forth.counts[:, :-1], back.counts[:, :-1].T)
    assert forth.score() == back.score()


@given(pairs())
def test_scores_are_shares_and_no_class_scores_above_its_recall(
    case: tuple[int, Tensor, Tensor],
) -> None:
    matrix = counted(*case)
    score = matrix.score()
    assert 0 <= score.miou <= 1
    assert 0 <= score.pixel_accuracy <= 1
    for row, hit, share in zip(
        matrix.counts, matrix.counts.diagonal(), score.class_iou, strict=True
    ):
        assert share is None or 0 <= share <= (hit / row.sum() if row.sum() else 0)


def test_the_mean_is_the_same_to_the_last_bit_in_any_order_of_classes() -> None:
    found = set()
    for hits in itertools.permutations([1, 2, 3, 6, 7]):  # tenths that a plain sum rounds its way
        counts = np.zeros((5, 6), dtype=np.int64)
        counts[range(5), range(5)] = hits
        counts[:, 5] = 10 - np.array(hits)
        found.add(score_counts(counts, 1).miou)
    assert found == {0.38}


@pytest.mark.parametrize(
    "dtype", [torch.uint8, torch.int16, torch.int32, torch.int64, torch.uint16]
)
def test_every_integer_type_counts_alike(dtype: torch.dtype) -> None:
    target, prediction = (torch.tensor([part]).to(dtype) for part in WORKED)
    assert counted(3, prediction, target).score().class_iou == (2 / 3, 1 / 2, 0.0)


def test_counts_are_64_bit_and_exact_beyond_what_floats_hold() -> None:
    matrix = counted(2, [[[0]]], [[[0]]])
    assert matrix.counts.dtype == matrix.per_image.dtype == matrix.entries.dtype == np.int64
    huge = np.array([[2**53 + 1, 0, 0], [0, 2**53, 1]])
    assert score_counts(huge, 1).class_iou[0] == 1.0
    assert score_counts(huge, 1).class_iou[1] == 2**53 / (2**53 + 1)
    assert int(huge.sum()) == 2**54 + 2


def test_many_images_of_many_classes_stay_small() -> None:
    matrix = ConfusionMatrix(150)
    target = torch.arange(12).repeat(100, 12, 1)
    tracemalloc.start()
    try:
        matrix.update((target * 7) % 150, target)
        held, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert held / len(matrix) < 2_000  # bytes; a matrix for each image has 181,200
    assert matrix.per_image.shape == (100, 150, 151)


def test_what_is_handed_out_cannot_change_the_counts() -> None:
    matrix = counted(3, [[[0, 1]]], [[[0, 2]]])
    score = matrix.score()
    matrix.counts[:] = 7
    matrix.per_image[:] = 7
    matrix.entries[:] = 7
    assert matrix.score() == score
