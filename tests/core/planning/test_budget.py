"""Budgets that fall between two steps are met from below, as near as the network allows."""

from __future__ import annotations

import itertools

import pytest
import torch
from torch import nn

import segprune
from segprune.errors import BudgetError

SIDE = 16


def chain(*widths: int) -> nn.Sequential:
    """Chain 3x3 convolutions from 3 channels through `widths` to 5, without padding or bias."""
    torch.manual_seed(0)
    sizes = [3, *widths, 5]
    layers = [nn.Conv2d(one, two, 3, bias=False) for one, two in itertools.pairwise(sizes)]
    return nn.Sequential(*layers).eval()


def multiply_adds(*widths: int) -> int:
    """Compute the multiply-adds of `chain(*widths)` on `SIDE` x `SIDE` pixels by hand."""
    sizes = [3, *widths, 5]
    total = 0
    for number, (one, two) in enumerate(itertools.pairwise(sizes), start=1):
        total += 9 * one * two * (SIDE - 2 * number) ** 2
    return total


def planned(model: nn.Module, share: float, **options: object) -> segprune.PrunePlan:
    image = torch.rand(1, 3, SIDE, SIDE)
    return segprune.make_plan(model, image, budget={"macs": share}, min_channels=1, **options)


def widths_after(model: nn.Module, plan: segprune.PrunePlan) -> list[int]:
    small = segprune.prune(model, plan)
    return [layer.out_channels for layer in list(small.children())[:-1]]


@pytest.mark.parametrize("width", [4, 7, 11])
@pytest.mark.parametrize("share", [0.95, 0.8, 0.52, 0.31])
def test_one_layer_keeps_as_many_channels_as_the_budget_pays_for(width: int, share: float) -> None:
    model = chain(width)
    kept = max(k for k in range(width + 1) if multiply_adds(k) <= share * multiply_adds(width))
    assert widths_after(model, planned(model, share)) == [kept]


@pytest.mark.parametrize("importance", ["magnitude", "random"])
@pytest.mark.parametrize("share", [0.9, 0.66, 0.4])
def test_no_channel_that_went_fits_back_into_the_budget(share: float, importance: str) -> None:
    dense = (6, 5, 4)
    model = chain(*dense)
    left = widths_after(model, planned(model, share, importance=importance))
    ceiling = share * multiply_adds(*dense)
    assert multiply_adds(*left) <= ceiling
    if multiply_adds(*left) > ceiling - 0.01 * multiply_adds(*dense):
        return  # hit
    for place, full in enumerate(dense):
        if left[place] < full:
            wider = [width + (number == place) for number, width in enumerate(left)]
            assert multiply_adds(*wider) > ceiling, wider


def test_the_plan_names_the_share_reached_and_the_nearest_above() -> None:
    model = chain(7)
    notes = planned(model, 0.8).notes
    assert notes["reached"]["macs"] == pytest.approx(5 / 7)
    assert notes["nearest_above"]["macs"] == pytest.approx(6 / 7)


def test_a_budget_that_is_hit_needs_no_note() -> None:
    assert "reached" not in planned(chain(7), 5 / 7).notes
    assert "reached" not in planned(chain(64), 0.5).notes


def test_the_smallest_share_that_a_refusal_names_is_met_when_asked_for() -> None:
    model = chain(7, 6)
    with pytest.raises(BudgetError) as caught:
        planned(model, 0.01)
    smallest = float(str(caught.value).split("smallest reachable is ")[1][:6])
    assert widths_after(model, planned(model, smallest)) == [1, 1]


def test_a_budget_of_everything_takes_nothing() -> None:
    model = chain(200)  # one channel is half a percent, so that it would go unnoticed
    assert widths_after(model, planned(model, 1.0)) == [200]
