"""Determinism: rounding passes, and every fault of an evaluation that is worth mentioning does not.

The faults are planted in the evaluation of a trained network, on as few images as are worth some
hundredths of a point.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

import segprune
from segprune.evaluation import evaluate
from segprune.evaluation.evaluate import Evaluation, evaluate_images
from segprune.evaluation.metrics import ConfusionMatrix
from segprune.gates.policy import Tolerance
from segprune.gates.reproducibility import gate_determinism
from segprune.gates.verdict import Status

NAMES = ("a", "b")


def matrix(*images: list[list[int]]) -> ConfusionMatrix:
    """Counts of images, given as 2 × 3 tables (the last column: no class)."""
    rows = [
        (image, target, prediction, count)
        for image, table in enumerate(images)
        for target, line in enumerate(table)
        for prediction, count in enumerate(line)
        if count
    ]
    entries = np.array(rows, dtype=np.int64).reshape(-1, 4)
    return ConfusionMatrix.from_entries(entries, len(images), 2)


BEFORE = matrix([[60_000, 40_000, 0], [1, 99_999, 0]], [[10, 20, 0], [30, 40, 0]])


def test_the_same_counts_pass() -> None:
    assert gate_determinism(BEFORE, BEFORE, NAMES).is_green


@pytest.mark.parametrize(("flips", "status"), [(4, Status.PASS), (5, Status.FAIL)])
def test_twenty_changed_pixels_in_a_million_are_rounding_and_more_are_not(
    flips: int, status: Status
) -> None:
    """200,100 labelled pixels: four are 19.99 in a million. The bound of mIoU is left out here."""
    after = matrix(
        [[60_000 + flips, 40_000 - flips, 0], [1, 99_999, 0]], [[10, 20, 0], [30, 40, 0]]
    )
    verdict = gate_determinism(after, BEFORE, NAMES, Tolerance(miou_points=100))
    assert verdict.status is status


def test_exactly_the_allowed_share_of_changed_pixels_passes() -> None:
    before = matrix([[500_000, 0, 0], [0, 500_000, 0]])
    for flips, status in ((20, Status.PASS), (21, Status.FAIL)):
        after = matrix([[500_000 - flips, flips, 0], [0, 500_000, 0]])
        verdict = gate_determinism(after, before, NAMES[:1], Tolerance(miou_points=100))
        assert verdict.status is status, flips


def test_changes_that_cancel_between_images_are_seen_all_the_same() -> None:
    one = matrix([[500, 500, 0], [0, 0, 0]], [[500, 500, 0], [0, 0, 0]])
    other = matrix([[400, 600, 0], [0, 0, 0]], [[600, 400, 0], [0, 0, 0]])
    assert one.score() == other.score()
    verdict = gate_determinism(other, one, NAMES)
    assert verdict.status is Status.FAIL
    assert "(100 in a)" in verdict.reasons[0]


def test_a_change_of_miou_beyond_a_hundredth_of_a_point_fails_by_itself() -> None:
    rare = matrix([[10**7, 0, 0], [0, 5, 0]])
    after = matrix([[10**7, 0, 0], [1, 4, 0]])
    verdict = gate_determinism(after, rare, ("a",))
    assert verdict.status is Status.FAIL
    assert verdict.reasons[0].startswith("mIoU: expected within 0.01 points")


def test_labels_that_vanish_fail() -> None:
    verdict = gate_determinism(
        matrix([[9, 0, 0], [0, 9, 0]]), matrix([[9, 0, 0], [0, 10, 0]]), NAMES
    )
    assert verdict.status is Status.FAIL
    assert "void rule" in verdict.reasons[0]


def test_another_set_of_images_is_not_compared() -> None:
    verdict = gate_determinism(matrix([[1, 0, 0], [0, 1, 0]]), BEFORE, NAMES)
    assert verdict.status is Status.NOT_COMPARABLE


# ---------------------------------------------------------------- planted faults


DENSE = Path(__file__).parents[2] / "benchmarks/checkpoints/bisenetv2-streets-dense.safetensors"
SCENES = segprune.open_dataset("streets", count=12, cache=True)


POLE = SCENES.classes.names.index("pole")


class Coarse(nn.Module):
    """A trained network whose logits come in steps, so that ties are not too rare to matter."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = segprune.load(DENSE)

    def forward(self, images: Tensor) -> Tensor:
        return (self.inner(images) * 4).round() / 4


def evaluated() -> Evaluation:
    return evaluate_images(Coarse().eval(), SCENES)


@pytest.fixture(scope="module")
def healthy() -> Evaluation:
    return evaluated()


def the_last_of_equals(monkeypatch: pytest.MonkeyPatch) -> None:
    def last(logits: Tensor, size: Any) -> Tensor:
        logits = F.interpolate(logits.float(), tuple(size), mode="bilinear", align_corners=False)
        return logits.shape[1] - 1 - logits.flip(1).max(dim=1).indices

    monkeypatch.setattr(evaluate, "best_classes", last)


def corners_aligned(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = F.interpolate
    monkeypatch.setattr(
        F, "interpolate", lambda x, size, mode, align_corners: whole(x, size, None, mode, True)
    )


def off_by_one_pixel(monkeypatch: pytest.MonkeyPatch) -> None:
    usual = evaluate.best_classes
    monkeypatch.setattr(
        evaluate, "best_classes", lambda logits, size: usual(logits, size).roll(1, dims=-1)
    )


def another_void(monkeypatch: pytest.MonkeyPatch) -> None:
    usual = ConfusionMatrix.update

    def update(self: ConfusionMatrix, prediction: Tensor, target: Tensor) -> None:
        usual(self, prediction, target.masked_fill(target == POLE, 255))

    monkeypatch.setattr(ConfusionMatrix, "update", update)


def normalisation_still_training(monkeypatch: pytest.MonkeyPatch) -> None:
    usual = nn.BatchNorm2d.forward

    def forward(self: nn.BatchNorm2d, images: Tensor) -> Tensor:
        own = images.mean((0, 2, 3))
        # A tenth of the way to the batch's own mean: a momentum that should have been zero.
        kept = self.running_mean.clone()
        self.running_mean.lerp_(own, 0.1)
        try:
            return usual(self, images)
        finally:
            self.running_mean.copy_(kept)

    monkeypatch.setattr(nn.BatchNorm2d, "forward", forward)


def colours_swapped(monkeypatch: pytest.MonkeyPatch) -> None:
    usual = evaluate.predict
    monkeypatch.setattr(evaluate, "predict", lambda model, images: usual(model, images.flip(1)))


FAULTS: list[Callable[[pytest.MonkeyPatch], None]] = [
    the_last_of_equals, corners_aligned, off_by_one_pixel, another_void,
    normalisation_still_training, colours_swapped,
]  # fmt: skip


def blended(healthy: Evaluation, faulty: Evaluation, images: int) -> ConfusionMatrix:
    """The counts of the first so many images from the faulty evaluation, the others healthy."""
    one, other = healthy.matrix.entries, faulty.matrix.entries
    entries = np.concatenate([other[other[:, 0] < images], one[one[:, 0] >= images]])
    return ConfusionMatrix.from_entries(entries, len(healthy.names), len(SCENES.classes))


@pytest.mark.parametrize("plant", FAULTS, ids=lambda fault: fault.__name__)
def test_a_planted_fault_of_the_evaluation_is_red_on_as_few_images_as_matter(
    plant: Callable[[pytest.MonkeyPatch], None],
    monkeypatch: pytest.MonkeyPatch,
    healthy: Evaluation,
) -> None:
    plant(monkeypatch)
    faulty = evaluated()
    worth = [
        100 * abs(blended(healthy, faulty, images).score().miou - healthy.score.miou)
        for images in range(len(SCENES) + 1)
    ]
    few = next(images for images, points in enumerate(worth) if points >= 0.05)
    for images in (few, len(SCENES)):
        verdict = gate_determinism(blended(healthy, faulty, images), healthy.matrix, healthy.names)
        assert verdict.status is Status.FAIL, (images, worth)


def test_threads_and_batches_of_the_same_machine_pass(healthy: Evaluation) -> None:
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(2)
        other = evaluate_images(Coarse().eval(), SCENES, batch_size=3)
    finally:
        torch.set_num_threads(before)
    # Steps of a quarter make ties of what rounding would leave alone: only their share is compared.
    verdict = gate_determinism(other.matrix, healthy.matrix, healthy.names, Tolerance(200, 0.1))
    assert verdict.is_green
