"""Outputs are compared channel by channel, each held to its own scale."""

from __future__ import annotations

import math

import pytest
import torch

from segprune.core.verification.closeness import difference, judge, structure


@pytest.mark.parametrize(("off", "blind"), [(0.3, True), (0.0, False)])
def test_a_difference_that_rounding_could_hide_is_no_proof(off: float, blind: bool) -> None:
    """The output is of size 1 and rounding is a hundredth of it; equal bits are equal."""
    wanted = torch.ones(1, 2, 3, 3, dtype=torch.float64)
    close = judge(wanted + off, wanted, torch.float64, [wanted + 0.01])
    assert close.holds
    assert close.blind is blind


def test_a_channel_that_rounding_cannot_explain_comes_before_one_that_it_hides() -> None:
    wanted = torch.ones(1, 4, 3, 3, dtype=torch.float64)
    noise, found = wanted.clone(), wanted.clone()
    noise[:, 0] += 0.01
    found[:, 0] += 5.0
    found[:, 2] += 1e-6
    close = judge(found, wanted, torch.float64, [noise])
    assert (close.channel, close.holds, close.blind) == ("channel 2", False, False)


def test_a_difference_is_relative_to_the_largest_finite_value() -> None:
    wanted = torch.tensor([1.0, -4.0, math.inf, math.nan])
    assert difference(wanted, wanted) == 0.0
    assert difference(wanted + torch.tensor([0.0, 1.0, 0.0, 0.0]), wanted) == 0.25
    assert difference(torch.tensor([1.0, -4.0, 5.0, math.nan]), wanted) == math.inf
    assert difference(torch.ones(3), torch.zeros(3)) == math.inf
    assert difference(torch.empty(0), torch.empty(0)) == 0.0


@pytest.mark.parametrize("axis", ["channel 1", "entry of the last axis 2"])
def test_the_axis_on_which_a_small_channel_is_off_is_named(axis: str) -> None:
    """A thousandth of the output, and yet a whole channel of it; tokens are `(N, L, C)`."""
    scale = torch.ones(2, 3, 5, dtype=torch.float64)
    place = (slice(None), 1) if axis.startswith("channel") else (..., 2)
    scale[place] = 1e-3
    wanted = scale * torch.randn(2, 3, 5, dtype=torch.float64)
    assert judge(wanted.clone(), wanted, torch.float64).holds
    found = wanted.clone()
    found[place] *= -1
    close = judge(found, wanted, torch.float64)
    assert not close.holds
    assert close.channel == axis


@pytest.mark.parametrize(("turned", "holds"), [(0, True), (1, True), (2, False)])
def test_rounding_may_turn_one_of_a_thousand_truth_values(turned: int, holds: bool) -> None:
    wanted = torch.zeros(1, 1, 40, 25, dtype=torch.bool)
    found = wanted.clone()
    found.view(-1)[:turned] = True
    assert judge(found, wanted, torch.float32).holds is holds
    assert judge(found, wanted, torch.float64).holds is (turned == 0)


def test_a_share_of_a_channel_may_be_asked_for() -> None:
    wanted = torch.ones(1, 1, 4, 4, dtype=torch.float64)
    found = wanted.clone()
    found[:, :, :1] = 2.0
    assert judge(found, wanted, torch.float64, share=0.75).holds
    assert not judge(found, wanted, torch.float64, share=0.8).holds


def test_the_structure_of_an_output_is_its_containers_keys_shapes_and_numbers() -> None:
    image = torch.zeros(1, 3, 4, 4)
    assert structure({"out": image, "more": [7, "a"]}) == "{out: 1x3x4x4 float32, more: (7, 'a')}"
    assert structure((image,)) == structure([image])
    assert structure(image) != structure(image.double())
