"""Networks are compared on the example and on inputs of other sizes, batches and values."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from segprune.core.verification.input_variants import (
    alternatives,
    cloned,
    downscale_factor,
    resized,
    small_trial,
    trials,
)

IMAGE = torch.rand(1, 3, 256, 512)


@pytest.mark.parametrize(("height", "width"), [(64, 96), (512, 1024), (2048, 1024)])
def test_large_images_are_scaled_down_to_one_area_and_small_ones_stay(
    height: int, width: int
) -> None:
    factor = downscale_factor(torch.empty(1, 3, height, width, device="meta"))
    area = factor**2 * height * width
    assert area == pytest.approx(min(height * width, 96 * 160))
    assert downscale_factor(torch.zeros(4, 7)) == 1.0


def test_sizes_are_multiples_of_32_and_a_batch_of_one_grows() -> None:
    (found, label, number) = resized((IMAGE, torch.zeros(1, 9, 9).long(), 3), 2, 0.45, 1.3, seed=0)
    assert found.shape == (2, 3, 128, 672)
    assert label.shape == (2, 9, 9)
    assert number == 3
    assert resized(torch.rand(3, 3, 64, 64), 2, 1, 1, seed=0).shape == (3, 3, 64, 64)
    assert resized(torch.rand(1, 3, 16, 16), 2, 9, 9, seed=0).shape == (2, 3, 16, 16)


def test_trials_begin_with_the_example_and_vary_in_size_and_batch() -> None:
    first, *others = trials(IMAGE)
    assert torch.equal(first, IMAGE)
    assert len({tuple(other.shape) for other in others}) == len(others) >= 3
    assert {len(other) for other in others} == {2, 3}
    assert small_trial(IMAGE)[0, 0].numel() < others[0][0, 0].numel() < IMAGE[0, 0].numel()


@pytest.mark.parametrize("constant", [torch.zeros(1, 3, 32, 32), torch.full((1, 3, 32, 32), 2.0)])
def test_a_constant_example_is_replaced(constant: Tensor) -> None:
    first = trials({"x": constant})[0]["x"]
    assert first.shape == constant.shape
    assert first.std() > 0.1


def test_images_of_a_batch_differ_in_contrast_and_mean() -> None:
    images = resized(IMAGE, 4, 0.5, 0.5, seed=0)
    assert images.mean((2, 3)).std(0).min() > 0.05
    assert images.std((1, 2, 3)).std() > 0.05


def test_alternatives_keep_shapes_and_whole_numbers_are_those_given() -> None:
    given: dict[str, Any] = {"x": torch.rand(2, 3, 4, 4), "where": torch.tensor([5, 7, 9]), "n": 2}
    anew, opposite = alternatives(given)
    assert torch.equal(opposite["x"], -given["x"])
    assert torch.equal(opposite["where"], given["where"])
    assert anew["x"].shape == given["x"].shape
    assert not torch.equal(anew["x"], given["x"])
    assert sorted(anew["where"].tolist()) == [5, 7, 9]
    assert anew["n"] == 2


def test_equal_seeds_draw_equal_inputs_whatever_the_default_device() -> None:
    usual = resized(IMAGE, 2, 0.5, 0.5, seed=3)
    with torch.device("meta"):
        assert torch.equal(resized(IMAGE, 2, 0.5, 0.5, seed=3), usual)
    assert not torch.equal(resized(IMAGE, 2, 0.5, 0.5, seed=4), usual)


def test_a_clone_has_memory_of_its_own() -> None:
    given = {"x": [torch.zeros(3)], "n": 1}
    copied = cloned(given)
    copied["x"][0] += 1
    assert given["x"][0].sum() == 0
    assert copied["n"] == 1
