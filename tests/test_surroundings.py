"""What a user has switched on around our calls changes no result."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import segprune


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.a, self.n, self.head = nn.Conv2d(3, 12, 3), nn.BatchNorm2d(12), nn.Conv2d(12, 4, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.n(self.a(x)).relu())


@pytest.mark.parametrize(
    "around",
    [nullcontext, torch.inference_mode, lambda: torch.device("meta")],
    ids=["nothing", "inference mode", "another default device"],
)
def test_surroundings_change_no_result_and_a_pruned_network_learns(
    around: Callable[[], AbstractContextManager[Any]],
) -> None:
    torch.manual_seed(0)
    network, x = Net().eval(), torch.rand(1, 3, 16, 16)
    expected = segprune.make_plan(network, x, budget={"channels": 0.5}, importance="random")
    with around():
        plan = segprune.make_plan(network, x, budget={"channels": 0.5}, importance="random")
        small, twin = segprune.prune(network, plan), segprune.mask(network, plan)
        found = segprune.verify(network, small, plan, x)
    assert plan == expected
    assert found == ()
    for made in (small, twin):
        made.train()(torch.rand(2, 3, 16, 16)).sum().backward()
        assert made.head.weight.grad is not None
