"""Hooks that reach the network through containers, methods or references follow its copies."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import segprune

IMAGES = torch.rand(1, 3, 16, 16)


class Net(nn.Module):
    def __init__(self, reach: Callable[[Any], Callable[[], Any]] | None = None) -> None:
        super().__init__()
        self.a, self.b = nn.Conv2d(3, 16, 3, padding=1), nn.Conv2d(16, 24, 3, padding=1)
        self.h = nn.Conv2d(40, 5, 1)
        self.kept: Tensor | None = None
        if reach is not None:
            reached = reach(self)
            self.a.register_forward_hook(lambda m, args, out: setattr(reached(), "kept", out))

    def forward(self, x: Tensor) -> Tensor:
        y = self.a(x)
        return self.h(torch.cat([y if self.kept is None else self.kept, self.b(y)], 1))


def in_a_tuple(net: Any) -> Callable[[], Any]:
    held = (net,)
    return lambda: held[0]


def in_a_dict(net: Any) -> Callable[[], Any]:
    held = {"net": [net]}
    return lambda: held["net"][0]


def in_a_list_of_itself(net: Any) -> Callable[[], Any]:
    held: list[Any] = [net]
    held.append(held)
    return lambda: held[1][0]


def by_a_function_in_a_list_of_the_network(net: Any) -> Callable[[], Any]:
    net.functions = [lambda: net]
    return lambda: net.functions[0]()


@pytest.mark.parametrize(
    "reach",
    [in_a_tuple, in_a_dict, in_a_list_of_itself, by_a_function_in_a_list_of_the_network,
     weakref.ref],
)  # fmt: skip
def test_the_copy_writes_to_itself(reach: Callable[[Any], Callable[[], Any]]) -> None:
    net = Net(reach).eval()
    graph = segprune.trace(net, IMAGES)
    assert net.kept is None
    assert graph.free_share == 1
    plan = segprune.make_plan(net, graph)
    assert segprune.verify(net, segprune.prune(net, plan), plan, IMAGES) == ()


def test_a_forward_that_was_wrapped_in_place_follows_the_copy() -> None:
    net = Net().eval()
    usual = net.forward
    net.forward = lambda x: usual(x) * 2  # type: ignore[method-assign]
    plan = segprune.make_plan(net, IMAGES)
    assert segprune.verify(net, segprune.prune(net, plan), plan, IMAGES) == ()


def test_functions_in_lists_of_the_network_follow_the_copy() -> None:
    class Calls(Net):
        def __init__(self) -> None:
            super().__init__()
            self.steps = [lambda x: self.a(x), lambda x: self.b(x)]

        def forward(self, x: Tensor) -> Tensor:
            y = self.steps[0](x)
            return self.h(torch.cat([y, self.steps[1](y)], 1))

    net = Calls().eval()
    plan = segprune.make_plan(net, IMAGES)
    assert segprune.verify(net, segprune.prune(net, plan), plan, IMAGES) == ()
