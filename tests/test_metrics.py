"""mIoU against sets of pixels in plain Python, torchmetrics and the official Cityscapes scripts."""

from __future__ import annotations

import itertools
import json
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from torch import Tensor
from torchmetrics.classification import MulticlassConfusionMatrix, MulticlassJaccardIndex

import segprune
from segprune.errors import InputError
from segprune.evaluation import best_classes
from segprune.metrics import ConfusionMatrix, Score, score_counts

VOID = 255
WORKED = [[0, 0, 0, 1], [1, 1, VOID, VOID]], [[0, 0, 1, 1], [1, 2, 2, 0]]
"""A target and a prediction: class IoUs of 2/3, 1/2 and 0."""

GOLDEN = json.loads(
    (Path(__file__).parent / "golden" / "cityscapes.json").read_text(encoding="utf-8")
)["cases"]

shapes = st.tuples(st.integers(1, 5), st.integers(1, 6), st.integers(1, 6))
classes = st.integers(2, 7)


@st.composite
def pairs(draw: st.DrawFn, invalid: bool = True) -> tuple[int, Tensor, Tensor]:
    """K, predictions and targets `(N, H, W)`, with void, and with at least one labelled pixel."""
    count, shape = draw(classes), draw(shapes)
    labels = st.sampled_from([*range(count), VOID])
    guesses = st.sampled_from([*range(count), *([VOID, count, 254] if invalid else [])])
    target = draw(arrays.arrays(np.uint8, shape, elements=labels))
    target.flat[0] = draw(st.integers(0, count - 1))
    prediction = draw(arrays.arrays(np.int64, shape, elements=guesses))
    return count, torch.from_numpy(prediction), torch.from_numpy(target)


def counted(count: int, prediction: Any, target: Any) -> ConfusionMatrix:
    matrix = ConfusionMatrix(count)
    matrix.update(torch.as_tensor(prediction), torch.as_tensor(target))
    return matrix


def by_sets(count: int, prediction: Tensor, target: Tensor) -> Score:
    """IoU as its name has it: intersection over union of two sets of places."""
    places = list(np.ndindex(*target.shape))
    labelled = {place for place in places if int(target[place]) != VOID}
    shares: list[float | None] = []
    right = 0
    for index in range(count):
        wanted = {place for place in labelled if int(target[place]) == index}
        guessed = {place for place in labelled if int(prediction[place]) == index}
        union = wanted | guessed
        shares.append(len(wanted & guessed) / len(union) if union else None)
        right += len(wanted & guessed)
    present = [share for share in shares if share is not None]
    miou = sum(present) / len(present)
    return Score(miou, tuple(shares), right / len(labelled), len(target))


def agree(one: Score, other: Score) -> bool:
    return (
        one.class_iou == other.class_iou
        and one.miou == pytest.approx(other.miou, abs=1e-15)
        and (one.pixel_accuracy, one.images) == (other.pixel_accuracy, other.images)
    )


# -- oracles ---------------------------------------------------------------------------------------


@given(pairs())
def test_scores_are_those_of_sets_of_pixels(case: tuple[int, Tensor, Tensor]) -> None:
    assert agree(counted(*case).score(), by_sets(*case))


@given(pairs(invalid=False))
def test_torchmetrics_agrees_on_valid_predictions(case: tuple[int, Tensor, Tensor]) -> None:
    count, prediction, target = case
    matrix, wanted = counted(*case), target.long()
    theirs = MulticlassConfusionMatrix(count, ignore_index=VOID)(prediction, wanted)
    assert torch.equal(torch.from_numpy(matrix.counts[:, :-1]), theirs)
    index = MulticlassJaccardIndex(count, average=None, ignore_index=VOID)(prediction, wanted)
    ours = [share or 0.0 for share in matrix.score().class_iou]  # theirs scores absent classes 0
    assert index.tolist() == pytest.approx(ours, abs=1e-6)


@pytest.mark.parametrize("name", GOLDEN)
def test_the_official_cityscapes_scripts_give_the_same(name: str) -> None:
    case = GOLDEN[name]
    target = torch.tensor(case["target"])
    if "logits" in case:
        prediction = best_classes(torch.tensor(case["logits"]), target.shape[-2:])
    else:
        prediction = torch.tensor(case["prediction"])
    matrix, official = counted(19, prediction, target), case["official"]
    assert matrix.counts.tolist() == official["counts"]
    assert list(matrix.score().class_iou) == official["class_iou"]
    assert matrix.score().miou == pytest.approx(official["miou"], abs=1e-15)


def test_the_golden_cases_have_absent_classes_void_ties_and_predictions_of_no_class() -> None:
    absent = [case for case in GOLDEN.values() if None in case["official"]["class_iou"]]
    assert len(absent) >= 3
    assert any(VOID in np.array(case["target"]) for case in GOLDEN.values())
    assert any(VOID in np.array(case.get("prediction", 0)) for case in GOLDEN.values())
    logits = np.array(GOLDEN["ties"]["logits"])
    best = logits == logits.max(axis=1, keepdims=True)
    assert (best.sum(axis=1) > 1).mean() > 0.5


# -- the worked example ----------------------------------------------------------------------------


def test_the_worked_example() -> None:
    target, prediction = torch.tensor([WORKED[0]]), torch.tensor([WORKED[1]])
    score = counted(3, prediction, target).score()
    assert score.class_iou == (2 / 3, 1 / 2, 0.0)
    assert score.miou == pytest.approx(0.3889, abs=5e-5)
    assert score.pixel_accuracy == 4 / 6
    many = counted(19, prediction, target).score()
    assert many.miou == score.miou  # sixteen absent classes are not sixteen zeros: .0614
    assert many.class_iou[3:] == (None,) * 16


def test_a_prediction_of_void_is_a_missed_pixel_and_not_dropped() -> None:
    prediction = torch.tensor([WORKED[1]])
    prediction[0, 0, 0] = VOID
    score = counted(19, prediction, torch.tensor([WORKED[0]])).score()
    assert score.miou == pytest.approx(0.2778, abs=5e-5)  # dropped: .3333
    assert score.pixel_accuracy == 3 / 6


@pytest.mark.parametrize("value", [VOID, 3, 254, 256, -1, -100, 2**40, -(2**40)])
def test_every_prediction_that_is_no_class_counts_alike(value: int) -> None:
    prediction = torch.tensor([WORKED[1]])
    prediction[0, 0, 0] = value
    matrix = counted(3, prediction, torch.tensor([WORKED[0]]))
    assert matrix.counts.tolist() == [[1, 1, 0, 1], [0, 2, 1, 0], [0, 0, 0, 0]]


# -- laws ------------------------------------------------------------------------------------------


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


# -- what is refused -------------------------------------------------------------------------------


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
