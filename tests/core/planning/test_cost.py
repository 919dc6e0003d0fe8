"""Counts of parameters and MACs, against torch's own counters, before and after pruning."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

import segprune
from segprune.core.planning.cost import cost, cost_of


class Net(nn.Module):
    """Plain, depthwise, grouped and transposed convolutions, and a linear layer over channels."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.norm = nn.Conv2d(3, 12, 3, padding=1, stride=2), nn.BatchNorm2d(12)
        self.depth = nn.Conv2d(12, 12, 3, padding=1, groups=12, bias=False)
        self.grouped = nn.Conv2d(12, 18, 1, groups=3)
        self.linear = nn.Linear(18, 10)
        self.up = nn.ConvTranspose2d(10, 6, 2, stride=2)
        self.head, self.aux = nn.Conv2d(6, 4, 1), nn.Conv2d(12, 4, 1)

    def forward(self, x: Tensor) -> Tensor:
        x = self.grouped(self.depth(self.norm(self.a(x)).relu()))
        return self.head(self.up(self.linear(x.movedim(1, -1)).movedim(-1, 1)))


def counted(model: nn.Module, x: Tensor) -> float:
    counter = FlopCounterMode(display=False)
    with torch.no_grad(), counter:
        model.eval()(x)
    return counter.get_total_flops() / 2


@pytest.mark.parametrize("share", [1.0, 0.6])
def test_macs_and_parameters_are_those_that_torch_counts(share: float) -> None:
    torch.manual_seed(0)
    model, x = Net().eval(), torch.rand(1, 3, 16, 24)
    plan = segprune.make_plan(model, x, budget={"macs": share}, importance="random")
    small = segprune.prune(model, plan)
    found = cost(small, x)
    assert found.macs == counted(small, x)
    assert found.params == sum(p.numel() for p in small.parameters())
    assert sum(layer.macs for layer in found.layers) == found.macs


def test_the_cost_of_a_plan_is_known_before_anything_is_pruned() -> None:
    torch.manual_seed(0)
    model, x = Net().eval(), torch.rand(1, 3, 16, 24)
    graph = segprune.trace(model, x)
    plan = segprune.make_plan(model, graph, budget={"macs": 0.5}, importance="random")
    keep = ~graph.frozen_mask | True
    for name, dims in plan.kept.items():
        for dim, rows in dims.items():
            if name in graph.state.slots:
                labels = graph.state.slots[name][dim]
                gone = [label for place, label in enumerate(labels.tolist()) if place not in rows]
                keep[[*gone]] = False
    keep = keep[graph.roots]
    predicted = cost_of(graph, keep)
    assert predicted.macs == pytest.approx(cost(segprune.prune(model, plan), x).macs)


def test_a_batch_counts_as_one_image() -> None:
    model = Net().eval()
    one, four = (cost(model, torch.rand(n, 3, 16, 24)) for n in (1, 4))
    assert one.params == four.params
    assert four.macs in (one.macs, 4 * one.macs)
