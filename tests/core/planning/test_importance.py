"""Importances that are none, or that score nothing, are refused, and not replaced by another."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

import segprune
from segprune.errors import PlanError

IMAGES = torch.zeros(1, 3, 8, 8)


def network() -> nn.Module:
    """Convolutions without a BatchNorm."""
    return nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(), nn.Conv2d(8, 4, 1)).eval()


@pytest.mark.parametrize("importance", [3, ["magnitude"], torch.ones(8)], ids=type)
def test_what_is_no_function_is_refused(importance: Any) -> None:
    with pytest.raises(PlanError, match="expected a name or a function"):
        segprune.make_plan(network(), IMAGES, importance=importance)


@pytest.mark.parametrize(
    "scores",
    [
        None,
        {"0.weight": torch.ones(8)},
        {("0.weight", 0): [1.0] * 8},
        {("0.weight", 0): None},
        {("0.weight",): torch.ones(8)},
    ],
    ids=str,
)
def test_scores_of_another_form_are_refused(scores: Any) -> None:
    with pytest.raises(PlanError, match="expected a mapping"):
        segprune.make_plan(network(), IMAGES, importance=lambda evidence: scores)


@pytest.mark.parametrize("importance", ["bn_scale", lambda evidence: {}], ids=["bn_scale", "own"])
def test_an_importance_that_scores_no_channel_is_refused(importance: Any) -> None:
    with pytest.raises(PlanError, match="expected a score for at least one channel"):
        segprune.make_plan(network(), IMAGES, importance=importance)


def test_channels_without_a_score_are_ranked_by_their_norm_beside_others_that_have_one() -> None:
    mixed = nn.Sequential(
        nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.ReLU(), nn.Conv2d(8, 8, 1), nn.ReLU(),
        nn.Conv2d(8, 4, 1),
    ).eval()  # fmt: skip
    with torch.no_grad():
        mixed[3].weight *= torch.arange(1.0, 9.0)[:, None, None, None].flip(0)
    plan = segprune.make_plan(mixed, IMAGES, importance="bn_scale", scope={"3": 0.5})
    norms = mixed[3].weight.detach().flatten(1).norm(dim=1)
    assert set(plan.kept["3.weight"][0]) == set(norms.topk(4).indices.tolist())
