"""Rounding is drawn: the last bits of weights, inputs and sums are random."""

from __future__ import annotations

import pytest
import torch

from segprune.core.verification.rounding import PerturbedSums, perturb_inputs


@pytest.mark.parametrize("draw", [0, 3])
def test_rounding_is_drawn_on_the_cpu_whatever_the_default_device(draw: int) -> None:
    layer, images = torch.nn.Conv2d(3, 4, 1), torch.rand(1, 3, 8, 8)
    with torch.no_grad(), PerturbedSums(torch.float32, draw):
        usual = layer(perturb_inputs(images, torch.float32, draw))
    with torch.device("meta"), torch.no_grad(), PerturbedSums(torch.float32, draw):
        found = layer(perturb_inputs(images, torch.float32, draw))
    assert torch.equal(found, usual)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_each_draw_is_twice_as_coarse_and_stays_in_the_last_bits(dtype: torch.dtype) -> None:
    images = torch.rand(1, 3, 64, 64, dtype=dtype) + 0.5
    sizes = [
        ((perturb_inputs({"x": images}, dtype, draw)["x"] - images) / images).double().std()
        for draw in (2, 3, 4)
    ]
    eps = torch.finfo(dtype).eps
    for draw, size in zip((2, 3, 4), sizes, strict=True):
        assert float(size) == pytest.approx(eps * 2**draw, rel=0.1)
