"""Branches that ask whether gradients are enabled, as training enables them."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import segprune
from faults.planting import shifted
from segprune.core.verification.gradients import compare_gradients, learn
from segprune.core.verification.run_modes import LEARNING, Trial


class Net(nn.Module):
    """An auxiliary head that runs only where gradients are enabled."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.head = nn.Conv2d(3, 12, 3, padding=1), nn.Conv2d(12, 4, 1)
        self.aux = nn.Conv2d(12, 4, 3, padding=1)

    def forward(self, x: Tensor) -> Any:
        y = self.a(x).relu()
        return (self.head(y), self.aux(y)) if torch.is_grad_enabled() else self.head(y)


def test_a_head_behind_a_question_for_gradients_is_cut_along_and_its_faults_are_found() -> None:
    torch.manual_seed(0)
    network, x = Net().eval(), torch.rand(1, 3, 16, 16)
    plan = segprune.make_plan(network, x, budget={"channels": 0.5}, min_channels=1)
    assert plan.kept["aux.weight"][1] == plan.kept["a.weight"][0]
    small = segprune.prune(network, plan)
    assert segprune.verify(network, small, plan, x) == ()
    twin = segprune.mask(network, plan)
    torch.testing.assert_close(small(x), twin(x))
    rows = shifted(plan.kept["aux.weight"][1], 12)
    wrong = dataclasses.replace(plan, kept={**plan.kept, "aux.weight": {1: rows}})
    assert segprune.verify(network, segprune.prune(network, wrong), wrong, x)


# -- training steps --------------------------------------------------------------------------------


class Steps(nn.Module):
    def __init__(self, detached: bool = False) -> None:
        super().__init__()
        self.a, self.b, self.detached = nn.Conv2d(3, 4, 1), nn.Conv2d(4, 2, 1), detached

    def forward(self, x: Tensor) -> Tensor:
        y = self.a(x)
        return self.b(y.detach() if self.detached else y)


@pytest.mark.parametrize(
    ("dense", "pruned", "text"),
    [(False, True, "expected a gradient"), (True, False, "expected no gradient")],
)
def test_parameters_that_learn_in_one_network_alone_are_named(
    dense: bool, pruned: bool, text: str
) -> None:
    images = torch.rand(2, 3, 8, 8)
    assert [*compare_gradients(Steps(dense), Steps(dense), images)] == []
    found = [*compare_gradients(Steps(dense), Steps(pruned), images)]
    assert [(one.kind, one.where) for one in found] == [
        ("gradient", "a.bias"), ("gradient", "a.weight"),
    ]  # fmt: skip
    assert all(one.message.startswith(text) for one in found)


def test_a_training_step_that_raises_is_reported() -> None:
    class Raises(Steps):
        def forward(self, x: Tensor) -> Tensor:
            if self.training:
                raise ValueError("not today")
            return super().forward(x)

    (found,) = compare_gradients(Steps(), Raises(), torch.rand(2, 3, 8, 8))
    assert (found.kind, found.where) == ("run", "training step")
    assert "ValueError: not today" in found.message
    assert [*compare_gradients(Raises(), Steps(), torch.rand(2, 3, 8, 8))] == []


def test_a_fixed_sum_over_all_outputs_gives_the_gradients_of_autograd() -> None:
    torch.manual_seed(0)
    network, images = Steps(), torch.rand(2, 3, 8, 8, dtype=torch.float64)
    outputs, found = learn(network, Trial("forward", images, torch.float64, LEARNING))
    weights = torch.randn(outputs.shape, generator=torch.Generator().manual_seed(7))
    (network.double()(images) * weights.double()).sum().backward()
    for name, parameter in network.named_parameters():
        assert parameter.grad is not None
        torch.testing.assert_close(found[name], parameter.grad)
