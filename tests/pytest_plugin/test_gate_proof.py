"""The proof gate fails a mask, a foreign plan, and a network that is not the plan's."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import nn

import segprune
from segprune.core.plan import PrunePlan
from segprune.gates.verdict import Status
from segprune.pytest_plugin.gate_proof import judge_proof

EXAMPLE = torch.rand(1, 3, 8, 8)


@pytest.fixture(scope="module")
def dense() -> nn.Module:
    return nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(), nn.Conv2d(8, 4, 1)).eval()


def planned(network: nn.Module, share: float = 0.5) -> PrunePlan:
    return segprune.make_plan(network, EXAMPLE, budget={"channels": share})


def data_of(dense: nn.Module, pruned: nn.Module, plan: PrunePlan) -> Any:
    return SimpleNamespace(
        dense=dense, pruned=pruned, header=SimpleNamespace(plan=plan), example=EXAMPLE,
        case=SimpleNamespace(artifact=SimpleNamespace(name="half.safetensors")),
    )  # fmt: skip


def test_what_the_plan_makes_of_the_dense_network_passes(dense: nn.Module) -> None:
    plan = planned(dense)
    found = judge_proof(data_of(dense, segprune.prune(dense, plan), plan), None)
    assert found.verdict.status is Status.PASS


def test_a_network_whose_channels_are_only_zero_fails(dense: nn.Module) -> None:
    plan = planned(dense)
    found = judge_proof(data_of(dense, segprune.mask(dense, plan), plan), None)
    assert found.verdict.status is Status.FAIL
    assert any("0.weight" in reason for reason in found.verdict.reasons)


def test_a_plan_that_keeps_every_channel_fails(dense: nn.Module) -> None:
    plan = planned(dense, 1.0)
    found = judge_proof(data_of(dense, dense, plan), None)
    assert found.verdict.status is Status.FAIL
    assert "expected one that removes channels" in found.verdict.reasons[0]


def test_a_plan_of_another_network_fails(dense: nn.Module) -> None:
    other = nn.Sequential(nn.Conv2d(3, 16, 3), nn.ReLU(), nn.Conv2d(16, 4, 1)).eval()
    plan = planned(other)
    found = judge_proof(data_of(dense, segprune.prune(other, plan), plan), None)
    assert found.verdict.status is Status.FAIL
    assert "expected one made for the dense network of the marker" in found.verdict.reasons[0]
