"""Weak references, caches and `__deepcopy__` methods do not tie a copy to its original."""

from __future__ import annotations

import collections
import copy
import functools
import threading
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


# -- classes with a `__deepcopy__` of their own ----------------------------------------------------


class SharesModules(Net):
    def __deepcopy__(self, memo: Any) -> Any:
        made = type(self)()
        made.a, made.b, made.h = self.a, self.b, self.h
        return made


class SharesWeights(Net):
    def __deepcopy__(self, memo: Any) -> Any:
        made = type(self)()
        for new, old in zip(made.children(), self.children(), strict=True):
            new.weight = old.weight
        return made


class IsItsCopy(Net):
    def __deepcopy__(self, memo: Any) -> Any:
        return self


class BuiltAnew(Net):
    """Right for the dense network only: a pruned one has other sizes."""

    def __deepcopy__(self, memo: Any) -> Any:
        made = type(self)()
        made.load_state_dict(self.state_dict())
        return made


class NoNetwork(Net):
    def __deepcopy__(self, memo: Any) -> Any:
        return None


class Around(nn.Module):
    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner, self.last = inner, nn.Conv2d(5, 2, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.last(self.inner(x))


KINDS = [SharesModules, SharesWeights, IsItsCopy, BuiltAnew, NoNetwork]


@pytest.mark.parametrize("around", [False, True], ids=["itself", "inside"])
@pytest.mark.parametrize("kind", KINDS)
def test_a_network_that_copies_itself_wrongly_is_pruned_and_left_as_it_was(
    kind: type[Net], around: bool
) -> None:
    torch.manual_seed(0)
    net = (Around(kind()) if around else kind()).eval()
    before = {name: tensor.clone() for name, tensor in net.state_dict().items()}
    plan = segprune.make_plan(net, IMAGES, budget={"channels": 0.5})
    pruned = segprune.prune(net, plan)
    assert segprune.verify(net, pruned, plan, IMAGES) == ()
    assert all(torch.equal(before[name], held) for name, held in net.state_dict().items())
    assert not any(module._forward_hooks or module.training for module in net.modules())
    memory = {tensor.data_ptr() for tensor in net.state_dict().values()}
    assert memory.isdisjoint(tensor.data_ptr() for tensor in pruned.state_dict().values())


def with_a_lock(kind: type[Net]) -> nn.Module:
    """A network whose own method is needed, for a lock cannot be copied."""
    net = kind().eval()
    net.lock = threading.Lock()  # type: ignore[assignment]
    return net


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        (SharesModules, r"^a: .*the original itself.*__deepcopy__"),
        (IsItsCopy, r"^IsItsCopy: .*the original itself.*__deepcopy__"),
        (NoNetwork, r"__deepcopy__ to return a NoNetwork, found a NoneType"),
    ],
)
def test_a_copy_that_holds_the_original_is_refused(kind: type[Net], said: str) -> None:
    net = with_a_lock(kind)
    with pytest.raises(ModelError, match=said):
        segprune.trace(net, IMAGES)
    assert not any(module._forward_hooks for module in net.modules())


def test_a_method_that_leaves_out_a_lock_is_used_and_may_share_no_tensor() -> None:
    class LeavesOut(Net):
        def __deepcopy__(self, memo: Any) -> Any:
            made = type(self)()
            for name, child in self.named_children():
                setattr(made, name, copy.deepcopy(child, memo))
            made.h.bias = self.h.bias
            return made

    net = with_a_lock(LeavesOut)
    plan = segprune.make_plan(net, IMAGES, budget={"channels": 0.5})
    pruned: Any = segprune.prune(net, plan)
    assert pruned.a.out_channels < 16
    assert pruned.h.bias.data_ptr() != net.h.bias.data_ptr()  # type: ignore[union-attr, operator]
