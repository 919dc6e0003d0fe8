"""Costs are what torch counts: parameters, multiply-adds, and the bytes that layers write."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import oracle
import segprune
from segprune.core.planning.cost import cost_of

X = torch.rand(1, 3, 16, 24)


class Net(nn.Module):
    """Convolutions of several kinds, and a head that only training reads."""

    def __init__(self, inplace: bool = False) -> None:
        super().__init__()
        self.a = nn.Sequential(
            nn.Conv2d(3, 16, 3, stride=2, padding=1), nn.BatchNorm2d(16), nn.ReLU(inplace)
        )
        self.b = nn.Conv2d(16, 16, 3, padding=1, groups=16, bias=False)
        self.c = nn.Conv2d(16, 24, 1)
        self.up = nn.ConvTranspose2d(24, 4, 2, 2)
        self.aux = nn.Conv2d(24, 4, 1)

    def forward(self, x: Tensor) -> Any:
        y = self.c(self.b(self.a(x)))
        return (self.up(y), self.aux(y)) if self.training else self.up(y)


def read_in_inference(network: Net) -> int:
    return sum(p.numel() for name, p in network.named_parameters() if not name.startswith("aux"))


def test_costs_are_those_that_torch_counts() -> None:
    network = Net()
    cost = segprune.cost(network, X)
    assert cost.macs == oracle.counted_macs(network, X)
    assert cost.params == read_in_inference(network)
    for column in ("params", "macs", "activation_bytes"):
        assert sum(getattr(layer, column) for layer in cost.layers) == getattr(cost, column)
    shares = {layer.name: layer.params for layer in cost.layers if layer.params}
    assert shares == {
        name: sum(p.numel() for p in module.parameters())
        for name, module in network.named_modules()
        if not [*module.children()] and [*module.parameters()] and name != "aux"
    }


@pytest.mark.parametrize("inplace", [True, False])
def test_what_is_written_in_place_takes_no_memory(inplace: bool) -> None:
    network, written = Net(inplace).eval(), 0

    def count(module: nn.Module, args: Any, output: Tensor) -> None:
        nonlocal written
        written += 0 if getattr(module, "inplace", False) else output.numel() * 4

    for module in network.modules():
        if not [*module.children()]:
            module.register_forward_hook(count)
    oracle.run(network, X)
    assert segprune.cost(Net(inplace), X).activation_bytes == written


@pytest.mark.parametrize("seed", range(3))
def test_the_cost_predicted_for_kept_labels_is_that_of_the_pruned_network(seed: int) -> None:
    network = Net().eval()
    graph = segprune.trace(network, X)
    plan = segprune.make_plan(
        network, graph, budget={"channels": 0.6}, importance="random", seed=seed
    )
    keep = np.ones(len(graph.state.labels), dtype=bool)
    for name, dims in plan.kept.items():
        for dim, rows in dims.items():
            labels = graph.state.slots[name][dim]
            keep[np.delete(labels, rows)] = False
    small: Any = segprune.prune(network, plan)
    predicted = cost_of(graph, keep)
    assert predicted.macs == oracle.counted_macs(small, X) < oracle.counted_macs(network, X)
    assert predicted.params == read_in_inference(small)
    assert predicted.activation_bytes == segprune.cost(small, X).activation_bytes
