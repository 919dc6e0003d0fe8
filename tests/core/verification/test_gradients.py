"""Branches that ask whether gradients are enabled, as training enables them."""

from __future__ import annotations

import dataclasses
from typing import Any

import torch
from torch import Tensor, nn

import segprune
from faults.planting import shifted


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
