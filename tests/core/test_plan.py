"""Plans are values: equal by what they do, the same after any way to be written, composable."""

from __future__ import annotations

import copy
import pickle

import pytest
import torch
from torch import nn

import segprune
from segprune.errors import PlanError

X = torch.rand(1, 3, 8, 8, generator=torch.Generator().manual_seed(0))


def net() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(3, 16, 3), nn.ReLU(), nn.Conv2d(16, 8, 1), nn.Conv2d(8, 2, 1))


def planned(model: nn.Module, share: float) -> segprune.PrunePlan:
    return segprune.make_plan(model, X, budget={"macs": share}, importance="random")


def test_a_plan_is_the_same_after_json_pickle_and_copies() -> None:
    plan = planned(net(), 0.5)
    others = [
        segprune.PrunePlan.from_json(plan.to_json()), pickle.loads(pickle.dumps(plan)),
        copy.deepcopy(plan), copy.copy(plan),
    ]  # fmt: skip
    for other in others:
        assert other == plan
        assert other.notes == plan.notes
        assert hash(other) == hash(plan)
    assert planned(net(), 0.4) != plan


def test_two_plans_in_a_row_are_one() -> None:
    dense = net()
    first = planned(dense, 0.7)
    small = segprune.prune(dense, first)
    second = planned(small, 0.6)
    once = segprune.prune(dense, first.then(second))
    twice = segprune.prune(small, second)
    for name, tensor in twice.state_dict().items():
        assert torch.equal(once.state_dict()[name], tensor), name


def test_a_plan_for_another_network_does_not_follow() -> None:
    plan = planned(net(), 0.5)
    with pytest.raises(PlanError):
        plan.then(plan)
    with pytest.raises(PlanError, match="expected a PrunePlan, found str"):
        plan.then("a plan")


def test_nothing_in_a_plan_can_be_changed() -> None:
    plan = planned(net(), 0.5)
    with pytest.raises(TypeError):
        plan.kept["0.weight"] = {}
    with pytest.raises(AttributeError):
        plan.network = "another"
    assert not plan.is_empty
