"""Losses against their definitions, written out pixel by pixel in plain Python."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from segprune.errors import InputError
from segprune.training.losses import (
    channel_wise_distillation,
    class_weights,
    cross_entropy,
    kl_distillation,
    ohem_cross_entropy,
)


def logits_and_target(seed: int, void_share: float = 0.2) -> tuple[torch.Tensor, torch.Tensor]:
    draw = torch.Generator().manual_seed(seed)
    logits = 3 * torch.randn(2, 4, 5, 6, generator=draw, dtype=torch.float64)
    target = torch.randint(4, (2, 5, 6), generator=draw)
    target[torch.rand(2, 5, 6, generator=draw) < void_share] = 255
    return logits, target


def probabilities(values: list[float]) -> list[float]:
    total = sum(math.exp(value) for value in values)
    return [math.exp(value) / total for value in values]


def pixel_losses(logits: torch.Tensor, target: torch.Tensor) -> list[tuple[float, int]]:
    """(loss, class) of every pixel that is not void."""
    found = []
    for n in range(target.shape[0]):
        for y in range(target.shape[1]):
            for x in range(target.shape[2]):
                label = int(target[n, y, x])
                if label != 255:
                    share = probabilities(logits[n, :, y, x].tolist())[label]
                    found.append((-math.log(share), label))
    return found


@given(st.integers(0, 10_000))
def test_cross_entropy_is_the_weighted_mean_over_labelled_pixels(seed: int) -> None:
    logits, target = logits_and_target(seed)
    weight = torch.tensor([0.5, 1.0, 2.0, 4.0], dtype=torch.float64)
    found = pixel_losses(logits, target)
    total = sum(loss * float(weight[label]) for loss, label in found)
    expected = total / sum(float(weight[label]) for _, label in found)
    assert float(cross_entropy(logits, target, weight=weight)) == pytest.approx(expected)


@given(st.integers(0, 10_000), st.floats(0.05, 0.95))
def test_ohem_is_the_mean_over_the_hard_pixels_and_a_sixteenth_at_least(
    seed: int, threshold: float
) -> None:
    logits, target = logits_and_target(seed)
    losses = sorted((loss for loss, _ in pixel_losses(logits, target)), reverse=True)
    hard = [loss for loss in losses if loss >= -math.log(threshold)]
    fewest = max(len(losses) // 16, 1)
    expected = hard if len(hard) >= fewest else losses[:fewest]
    value = float(ohem_cross_entropy(logits, target, threshold=threshold))
    assert value == pytest.approx(sum(expected) / len(expected), rel=1e-6)


@pytest.mark.parametrize("loss", [cross_entropy, ohem_cross_entropy])
def test_an_image_of_void_alone_costs_nothing_and_still_has_a_gradient(loss) -> None:
    logits = torch.randn(1, 3, 4, 4, requires_grad=True)
    value = loss(logits, torch.full((1, 4, 4), 255))
    value.backward()
    assert float(value.detach()) == 0
    assert bool((logits.grad == 0).all())


@pytest.mark.parametrize("loss", [cross_entropy, ohem_cross_entropy])
def test_what_is_predicted_on_void_never_matters(loss) -> None:
    logits, target = logits_and_target(3, void_share=0.5)
    other = torch.where((target == 255)[:, None], 100 * torch.rand_like(logits), logits)
    assert float(loss(other, target)) == float(loss(logits, target))


@given(st.integers(0, 10_000), st.floats(0.5, 8.0))
def test_channel_wise_distillation_is_the_divergence_over_pixels_of_each_channel(
    seed: int, temperature: float
) -> None:
    draw = torch.Generator().manual_seed(seed)
    student, teacher = torch.randn(2, 2, 3, 3, 2, generator=draw, dtype=torch.float64)
    total = 0.0
    for n in range(2):
        for k in range(3):
            ours = probabilities([v / temperature for v in student[n, k].flatten().tolist()])
            theirs = probabilities([v / temperature for v in teacher[n, k].flatten().tolist()])
            total += sum(t * math.log(t / o) for t, o in zip(theirs, ours, strict=True))
    expected = temperature**2 * total / 6
    value = float(channel_wise_distillation(student, teacher, temperature))
    assert value == pytest.approx(expected, abs=1e-9)


@given(st.integers(0, 10_000), st.floats(0.5, 8.0))
def test_kl_distillation_is_the_divergence_over_classes_of_each_pixel(
    seed: int, temperature: float
) -> None:
    draw = torch.Generator().manual_seed(seed)
    student, teacher = torch.randn(2, 2, 3, 3, 2, generator=draw, dtype=torch.float64)
    total = 0.0
    for n in range(2):
        for y in range(3):
            for x in range(2):
                ours = probabilities([v / temperature for v in student[n, :, y, x].tolist()])
                theirs = probabilities([v / temperature for v in teacher[n, :, y, x].tolist()])
                total += sum(t * math.log(t / o) for t, o in zip(theirs, ours, strict=True))
    expected = temperature**2 * total / 12
    value = float(kl_distillation(student, teacher, temperature))
    assert value == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("loss", [channel_wise_distillation, kl_distillation])
def test_a_student_that_equals_its_teacher_has_nothing_to_learn(loss) -> None:
    logits = torch.randn(2, 3, 4, 4)
    assert float(loss(logits, logits.clone())) == pytest.approx(0, abs=1e-6)
    with pytest.raises(InputError, match="one shape"):
        loss(logits, logits[..., :2])


def test_class_weights_follow_their_papers() -> None:
    pixels = torch.tensor([800, 150, 50, 0])
    median = class_weights(pixels, "median")
    assert median.tolist() == pytest.approx([0.15 / 0.8, 1.0, 3.0, 0.0])
    log = class_weights(pixels, "log")
    assert log.tolist() == pytest.approx([1 / math.log(1.02 + s) for s in (0.8, 0.15, 0.05, 0.0)])
    assert class_weights(pixels, "none") is None
    with pytest.raises(InputError, match="'none', 'median' or 'log'"):
        class_weights(pixels, "sqrt")
