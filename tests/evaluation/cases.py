"""Predictions and targets, and IoU as its name has it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from torch import Tensor

from segprune.evaluation.metrics import ConfusionMatrix
from segprune.records.score import Score

VOID = 255
WORKED = [[0, 0, 0, 1], [1, 1, VOID, VOID]], [[0, 0, 1, 1], [1, 2, 2, 0]]
"""A target and a prediction: class IoUs of 2/3, 1/2 and 0."""
GOLDEN = json.loads(
    (Path(__file__).parents[1] / "golden" / "cityscapes.json").read_text(encoding="utf-8")
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
