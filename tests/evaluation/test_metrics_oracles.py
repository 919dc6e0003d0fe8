"""mIoU against sets of pixels in plain Python, torchmetrics and the official Cityscapes scripts."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from torch import Tensor
from torchmetrics.classification import MulticlassConfusionMatrix, MulticlassJaccardIndex

from evaluation.cases import GOLDEN, VOID, WORKED, agree, by_sets, counted, pairs
from segprune.evaluation.evaluate import best_classes


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
