"""Inputs to compare networks on: other values, other sizes, never constants."""

from __future__ import annotations

import pytest
import torch

from segprune.core.verification.input_variants import alternatives, resized, small_trial


@pytest.mark.parametrize("size", [(64, 96), (33, 40)])
def test_a_small_trial_is_a_batch_of_about_half_the_size(size: tuple[int, int]) -> None:
    found = small_trial(torch.zeros(1, 3, *size))
    assert found.shape[:2] == (2, 3)
    assert all(
        32 <= now <= max(32, before) for now, before in zip(found.shape[2:], size, strict=True)
    )
    assert not torch.equal(found[0], found[1])
    assert torch.equal(found, small_trial(torch.zeros(1, 3, *size)))


def test_other_values_have_the_same_shapes_and_types() -> None:
    given = {"x": torch.rand(1, 3, 8, 8), "index": torch.arange(5), "mode": "fast"}
    drawn, opposite = alternatives(given)
    assert torch.equal(opposite["x"], -given["x"])
    assert torch.equal(opposite["index"], given["index"])
    assert drawn["mode"] == opposite["mode"] == "fast"
    assert drawn["x"].shape == given["x"].shape
    assert not torch.equal(drawn["x"], given["x"])
    assert sorted(drawn["index"].tolist()) == [*range(5)]  # indices stay within what was given


def test_images_of_a_batch_differ_in_contrast_and_mean() -> None:
    found = resized(torch.zeros(1, 3, 64, 64), 4, 1.0, 1.0, seed=0)
    assert found.shape == (4, 3, 64, 64)
    assert found.std((1, 2, 3)).unique().numel() == 4
    assert found.mean((2, 3)).unique().numel() == 12


def test_what_is_no_image_keeps_its_size() -> None:
    vector, image = torch.rand(1, 7), torch.rand(1, 3, 64, 64)
    small_vector, small_image = resized((vector, image), 2, 0.5, 0.5, seed=1)
    assert small_vector is vector
    assert small_image.shape == (2, 3, 32, 32)
