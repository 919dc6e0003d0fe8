"""Hooks that reach the network through containers, methods or references follow its copies."""

from __future__ import annotations

import collections
import functools
import types
import weakref
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import segprune
from segprune.errors import ModelError

IMAGES = torch.rand(1, 3, 16, 16)


class Reached(nn.Module):
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
    net = Reached(reach).eval()
    graph = segprune.trace(net, IMAGES)
    assert net.kept is None
    assert graph.free_share == 1
    plan = segprune.make_plan(net, graph)
    assert segprune.verify(net, segprune.prune(net, plan), plan, IMAGES) == ()


def test_a_forward_that_was_wrapped_in_place_follows_the_copy() -> None:
    net = Reached().eval()
    usual = net.forward
    net.forward = lambda x: usual(x) * 2  # type: ignore[method-assign]
    plan = segprune.make_plan(net, IMAGES)
    assert segprune.verify(net, segprune.prune(net, plan), plan, IMAGES) == ()


def test_functions_in_lists_of_the_network_follow_the_copy() -> None:
    class Calls(Reached):
        def __init__(self) -> None:
            super().__init__()
            self.steps = [lambda x: self.a(x), lambda x: self.b(x)]

        def forward(self, x: Tensor) -> Tensor:
            y = self.steps[0](x)
            return self.h(torch.cat([y, self.steps[1](y)], 1))

    net = Calls().eval()
    plan = segprune.make_plan(net, IMAGES)
    assert segprune.verify(net, segprune.prune(net, plan), plan, IMAGES) == ()


# -- further ways to reach a network --------------------------------------------------------------


class Net(nn.Module):
    """Its hook stores features that `forward` reads; both must be of one network."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b = nn.Conv2d(3, 16, 3, padding=1), nn.Conv2d(16, 24, 3, padding=1)
        self.h = nn.Conv2d(40, 5, 1)
        self.kept: Tensor | None = None

    def store(self, features: Tensor) -> None:
        self.kept = features

    def forward(self, x: Tensor) -> Tensor:
        y = self.a(x)
        return self.h(torch.cat([y if self.kept is None else self.kept, self.b(y)], 1))


class Owner:
    """A user's own class, such as a trainer, that knows the network."""

    def __init__(self, net: Any) -> None:
        self.net = net


class Slotted:
    __slots__ = ("net",)

    def __init__(self, net: Any) -> None:
        self.net = net


class Called(Owner):
    def __call__(self, module: nn.Module, args: Any, output: Tensor) -> None:
        self.net.kept = output


def cached(net: Any) -> Callable[[], Any]:
    @functools.lru_cache
    def reached() -> Any:
        return net

    return reached


def weak_values(net: Any) -> Callable[[], Any]:
    held = weakref.WeakValueDictionary({"net": net})
    return lambda: held["net"]


def held_by(make: Callable[[Any], Any]) -> Callable[[Any], Callable[[], Any]]:
    """Reach the network as the only entry of a container."""

    def way(net: Any) -> Callable[[], Any]:
        held = make(net)
        return lambda: next(iter(held))

    return way


def owned_by(make: Callable[[Any], Any]) -> Callable[[Any], Callable[[], Any]]:
    """Reach the network as an attribute of an object."""

    def way(net: Any) -> Callable[[], Any]:
        owner = make(net)
        return lambda: owner.net

    return way


def proxied(net: Any) -> Callable[[], Any]:
    proxy = weakref.proxy(net)
    return lambda: proxy


WAYS: dict[str, Callable[[Any], Callable[[], Any]]] = {
    "weakref.proxy": proxied,
    "WeakValueDictionary": weak_values,
    "WeakSet": held_by(lambda net: weakref.WeakSet([net])),
    "WeakKeyDictionary": held_by(lambda net: weakref.WeakKeyDictionary({net: 1})),
    "set": held_by(lambda net: {net}),
    "frozenset": held_by(lambda net: frozenset([net])),
    "keys": held_by(lambda net: {net: 1}),
    "deque": held_by(lambda net: collections.deque([net], maxlen=4)),
    "an object": owned_by(Owner),
    "an object with slots": owned_by(Slotted),
    "an object with a proxy": owned_by(lambda net: Owner(weakref.proxy(net))),
    "SimpleNamespace": owned_by(lambda net: types.SimpleNamespace(net=net)),
    "lru_cache": cached,
}  # fmt: skip


def by_way(reach: Callable[[Any], Callable[[], Any]]) -> Callable[[Any], Any]:
    def hook_of(net: Any) -> Any:
        reached = reach(net)
        return lambda module, args, output: setattr(reached(), "kept", output)

    return hook_of


def weak_method(net: Any) -> Any:
    store = weakref.WeakMethod(net.store)
    return lambda module, args, output: store()(output)  # type: ignore[misc]


def stored_proxy(net: Any) -> Any:
    object.__setattr__(net.a, "owner", weakref.proxy(net))
    return lambda module, args, output: setattr(module.owner, "kept", output)


HOOKS: dict[str, Callable[[Any], Any]] = {
    **{name: by_way(way) for name, way in WAYS.items()},
    "WeakMethod": weak_method,
    "a proxy as an attribute": stored_proxy,
    "a callable object": Called,
    "a callable object with a proxy": lambda net: Called(weakref.proxy(net)),
}


@pytest.mark.parametrize("name", HOOKS)
def test_the_hook_of_a_copy_writes_to_the_copy(name: str) -> None:
    torch.manual_seed(0)
    net = Net()
    hook = HOOKS[name](net)
    net.a.register_forward_hook(hook)
    graph = segprune.trace(net.eval(), IMAGES)
    assert net.kept is None
    assert graph.free_share == 1
    plan = segprune.make_plan(net, graph)
    pruned = segprune.prune(net, plan)
    assert segprune.verify(net, pruned, plan, IMAGES) == ()
    pruned(IMAGES)
    assert net.kept is None
    assert pruned.kept is not None
    net(IMAGES)  # the original's own hook works as before
    assert net.kept is not None
    assert net.kept.shape[1] == 16


def test_a_cache_of_a_function_of_the_network_is_computed_anew_for_the_copy() -> None:
    class Scaled(Net):
        def __init__(self) -> None:
            super().__init__()
            self.factor = functools.lru_cache(maxsize=None)(
                lambda power: self.h.bias.mean() * power
            )

        def forward(self, x: Tensor) -> Tensor:
            return super().forward(x) * self.factor(2)

    net = Scaled().eval()
    plan = segprune.make_plan(net, IMAGES)
    pruned = segprune.prune(net, plan)
    assert segprune.verify(net, pruned, plan, IMAGES) == ()
    with torch.no_grad():
        before = net(IMAGES)
        pruned.h.bias += 1  # type: ignore[operator]
        pruned(IMAGES)
    assert torch.equal(net(IMAGES), before)
    assert pruned.factor(2) != net.factor(2)


def test_a_lambda_in_a_container_that_was_copied_with_the_network_follows_it() -> None:
    net: Any = Net()
    steps = [lambda features: net.store(features)]
    net.steps = {"store": steps}
    net.a.register_forward_hook(lambda module, args, output: steps[0](output))
    plan = segprune.make_plan(net.eval(), IMAGES)
    pruned: Any = segprune.prune(net, plan)
    assert segprune.verify(net, pruned, plan, IMAGES) == ()
    pruned(IMAGES)
    assert net.kept is None
    assert pruned.kept.shape[1] == pruned.a.out_channels < 16


GLOBAL = Net()


def test_a_hook_that_reaches_the_network_by_a_global_name_is_refused_and_undone() -> None:
    handle = GLOBAL.a.register_forward_hook(lambda m, args, out: GLOBAL.store(out))
    try:
        with pytest.raises(ModelError, match=r"^kept: .*global name"):
            segprune.trace(GLOBAL.eval(), IMAGES)
        assert GLOBAL.kept is None
    finally:
        handle.remove()
