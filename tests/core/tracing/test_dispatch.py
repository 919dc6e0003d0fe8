"""A width that the code puts into a tensor on its input's device counts channels as any other."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

import oracle
import segprune
from test_averaged_axes import Net, X

WAYS: tuple[Callable[[Tensor], Tensor], ...] = (
    lambda x: torch.tensor(x.shape[1], dtype=torch.float32, device=x.device),
    lambda x: torch.tensor([[x.shape[1]]], dtype=x.dtype, device=str(x.device)),
    lambda x: torch.as_tensor(float(x.shape[1]), device=x.device),
    lambda x: x.new_tensor(x.shape[1]),
    lambda x: x.new_tensor([x.shape[1]], dtype=torch.float64).to(x),
    lambda x: x.new_tensor(data=x.shape[1]),
)


@pytest.mark.parametrize("way", WAYS)
def test_a_scale_by_a_width_in_a_tensor_keeps_the_channels(way: Callable[[Tensor], Tensor]) -> None:
    class Scaled(Net):
        def factor(self, x: Tensor) -> Tensor:
            return x / way(x) ** torch.tensor(0.5, device=x.device)

    network = oracle.randomise(Scaled()).eval()
    graph = segprune.trace(network, X)
    assert not graph.needs_data
    plan = segprune.make_plan(network, graph, scope={"*": 0.5}, importance="random")
    small = segprune.prune(network, plan)
    assert oracle.distance_in_float64(network, small, plan.kept, X) < oracle.EXACT
    assert segprune.verify(network, small, plan, graph) == ()
