"""Our runs leave a user's globals, classes, closures and networks as they were."""

from __future__ import annotations

import copy
import functools
import threading
from collections.abc import Callable
from typing import Any, ClassVar

import pytest
import torch
from torch import Tensor, nn

import segprune
from segprune.errors import ModelError

IMAGES = torch.rand(1, 3, 16, 16)

BY_SIZE: dict[Any, Any] = {}
NESTED: dict[str, dict[Any, Tensor]] = {"grids": {}}
LIST: list[Tensor] = []
LAST: Tensor | None = None


def made(h: int, w: int, device: Any) -> Tensor:
    return torch.linspace(-1, 1, h * w, device=device).view(1, 1, h, w)


def in_a_global_dict(h: int, w: int, device: Any) -> Tensor:
    if (h, w) not in BY_SIZE:
        BY_SIZE[h, w] = made(h, w, device)
    return BY_SIZE[h, w]


def in_a_nested_dict(h: int, w: int, device: Any) -> Tensor:
    return NESTED["grids"].setdefault((h, w), made(h, w, device))


def in_a_list(h: int, w: int, device: Any) -> Tensor:
    if not LIST:
        LIST.append(made(h, w, device))
    return LIST[0] if LIST[0].shape[-2:] == (h, w) else made(h, w, device)


def in_a_global_name(h: int, w: int, device: Any) -> Tensor:
    global LAST
    if LAST is None or LAST.shape[-2:] != (h, w):
        LAST = made(h, w, device)
    return LAST


@functools.lru_cache
def behind_lru_cache(h: int, w: int, device: Any) -> Tensor:
    return made(h, w, device)


def in_a_default(h: int, w: int, device: Any, known: dict[Any, Tensor] = {}) -> Tensor:  # noqa: B006
    if (h, w) not in known:
        known[h, w] = made(h, w, device)
    return known[h, w]


class Grids:
    """A user's own class; an object of it is at module level."""

    def __init__(self) -> None:
        self.known: dict[Any, Tensor] = {}


GRIDS = Grids()


def in_an_object(h: int, w: int, device: Any) -> Tensor:
    if (h, w) not in GRIDS.known:
        GRIDS.known[h, w] = made(h, w, device)
    return GRIDS.known[h, w]


def _closed() -> Callable[..., Tensor]:
    known: dict[Any, Tensor] = {}
    last: Tensor | None = None

    def grid(h: int, w: int, device: Any) -> Tensor:
        nonlocal last
        if (h, w) not in known:
            known[h, w] = last = made(h, w, device)
        return known[h, w]

    return grid


in_a_closure = _closed()


class Net(nn.Module):
    """Concatenates a grid that is kept somewhere to its features."""

    shared: ClassVar[dict[Any, Tensor]] = {}

    def __init__(self, how: Callable[..., Tensor] | None) -> None:
        super().__init__()
        self.a, self.b = nn.Conv2d(3, 16, 3, padding=1), nn.Conv2d(17, 5, 1)
        self.how = how or self.in_the_class

    def in_the_class(self, h: int, w: int, device: Any) -> Tensor:
        if (h, w) not in Net.shared:
            Net.shared[h, w] = made(h, w, device)
        return Net.shared[h, w]

    def forward(self, x: Tensor) -> Tensor:
        y = self.a(x)
        grid = self.how(*y.shape[-2:], y.device)
        return self.b(torch.cat([y, grid.expand(y.size(0), -1, -1, -1)], 1))


PLACES = {
    "a dictionary at module level": in_a_global_dict,
    "a dictionary in a dictionary": in_a_nested_dict,
    "a list": in_a_list,
    "a global name": in_a_global_name,
    "lru_cache": behind_lru_cache,
    "a default": in_a_default,
    "an object": in_an_object,
    "a closure": in_a_closure,
    "the class": None,
}


@pytest.mark.parametrize("place", PLACES)
def test_a_cache_of_grids_does_not_hinder_and_is_left_as_it_was(place: str) -> None:
    torch.manual_seed(0)
    net = Net(PLACES[place])
    graph = segprune.trace(net.eval(), IMAGES)
    assert graph.free_share == 1
    plan = segprune.make_plan(net, graph)
    pruned = segprune.prune(net, plan)
    assert segprune.verify(net, pruned, plan, IMAGES) == ()
    for network in (net, pruned):
        network.train()(IMAGES).sum().backward()  # neither meta tensors nor inference tensors
        assert network.a.weight.grad is not None


def test_what_a_cache_held_before_stays_in_it() -> None:
    BY_SIZE.clear()
    BY_SIZE["mine"] = kept = torch.ones(3)
    segprune.trace(Net(in_a_global_dict).eval(), IMAGES)
    assert list(BY_SIZE) == ["mine"]
    assert BY_SIZE["mine"] is kept


def test_an_error_in_a_run_leaves_caches_as_they_were() -> None:
    BY_SIZE.clear()

    class Fails(Net):
        def forward(self, x: Tensor) -> Tensor:
            super().forward(x)
            raise ValueError("no")

    with pytest.raises(segprune.TraceError):
        segprune.trace(Fails(in_a_global_dict).eval(), IMAGES)
    assert not BY_SIZE


# -- hooks and functions that captured the network -------------------------------------------------


class Hooked(nn.Module):
    """Its hook captured `self`, as tutorials write it."""

    def __init__(self, wrap: Callable[[Any], Any] = lambda hook: hook) -> None:
        super().__init__()
        self.a, self.b = nn.Conv2d(3, 16, 3, padding=1), nn.Conv2d(16, 24, 3, padding=1)
        self.h, self.kept = nn.Conv2d(40, 5, 1), {}

        def hook(module: nn.Module, args: Any, output: Tensor) -> None:
            self.kept["a"] = output

        self.a.register_forward_hook(wrap(hook))

    def forward(self, x: Tensor) -> Tensor:
        y = self.b(self.a(x))
        return self.h(torch.cat([self.kept["a"], y], 1))


def twice_wrapped(hook: Callable[..., None]) -> Callable[..., None]:
    def outer(*args: Any) -> None:
        return hook(*args) if args else outer(0)  # refers to itself as well

    return outer


@pytest.mark.parametrize(
    "wrap", [lambda hook: hook, functools.partial, twice_wrapped], ids=["as is", "partial", "twice"]
)
def test_a_hook_that_captured_the_network_follows_its_copies(wrap: Callable[..., Any]) -> None:
    torch.manual_seed(0)
    net = Hooked(wrap).eval()
    graph = segprune.trace(net, IMAGES)
    assert not net.kept  # the original was not written to
    assert graph.free_share == 1
    plan = segprune.make_plan(net, graph)
    pruned = segprune.prune(net, plan)
    assert segprune.verify(net, pruned, plan, IMAGES) == ()
    pruned(IMAGES)
    assert pruned.kept["a"].shape[1] == pruned.a.out_channels < 16
    assert not net.kept


def test_a_lambda_that_captured_a_layer_follows_its_copies() -> None:
    net = nn.Module()
    net.a, net.b = nn.Conv2d(3, 16, 3), nn.Conv2d(16, 5, 1)
    net.call = lambda x: net.b(net.a(x))  # type: ignore[assignment]

    class Calls(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.net = net

        def forward(self, x: Tensor) -> Tensor:
            return self.net.call(x)

    model = Calls().eval()
    plan = segprune.make_plan(model, IMAGES)
    pruned = segprune.prune(model, plan)
    assert pruned(IMAGES).shape[1] == 5
    assert segprune.verify(model, pruned, plan, IMAGES) == ()


# -- what earlier runs left ------------------------------------------------------------------------


class Computes(nn.Module):
    """Keeps a weight that it computes in evaluation mode."""

    def __init__(self, store: str = "dict") -> None:
        super().__init__()
        self.s, self.o = nn.Conv2d(3, 32, 1), nn.Conv2d(48, 4, 1)
        self.w = nn.Parameter(torch.randn(48, 32, 3, 3) * 0.1)
        self.g = nn.Parameter(torch.ones(48, 1, 1, 1))
        self.known: dict[str, Tensor] = {}
        self.last: Tensor | None = None
        self.store = store

    def forward(self, x: Tensor) -> Tensor:
        if self.store == "dict":
            if "w" not in self.known or self.training:
                self.known["w"] = self.w * self.g
            weight = self.known["w"]
        else:
            if self.last is None or self.training:
                self.last = self.w * self.g
            weight = self.last
        return self.o(nn.functional.conv2d(self.s(x), weight, padding=1).relu())


@pytest.mark.parametrize(("store", "name"), [("dict", "known"), ("attribute", "last")])
def test_what_was_computed_from_weights_and_kept_is_named(store: str, name: str) -> None:
    net = Computes(store).eval()
    with torch.no_grad():
        net(IMAGES)
    with pytest.raises(ModelError, match=rf"^{name}: .*earlier run.*\bg, w\b"):
        segprune.trace(net, IMAGES)
    net.known.clear()
    net.last = None
    assert segprune.trace(net, IMAGES).free_share > 0


def test_what_was_computed_with_gradients_and_kept_is_named() -> None:
    net = Computes().eval()
    net(IMAGES)
    with pytest.raises(ModelError, match=r"attribute known, a dict.*earlier run"):
        segprune.trace(net, IMAGES)


def test_an_attribute_that_cannot_be_copied_is_named() -> None:
    net = Computes().eval()
    net.s.lock = threading.Lock()  # type: ignore[assignment]
    with pytest.raises(ModelError, match=r"attribute s\.lock, a lock"):
        segprune.trace(net, IMAGES)


class Remembers(nn.Module):
    """A network whose stores are no cache of weights: features of each run, and a grid."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b = nn.Conv2d(3, 16, 3, padding=1), nn.Conv2d(17, 5, 1)
        self.features: dict[str, Tensor] = {}
        self.grid: Tensor | None = None
        self.scale = torch.full((1,), 2.0)

    def forward(self, x: Tensor) -> Tensor:
        self.features["a"] = y = self.a(x) * self.scale
        if self.grid is None:
            self.grid = torch.ones(1, 1, *y.shape[-2:], device=y.device)
        return self.b(torch.cat([y, self.grid.expand(len(y), -1, -1, -1)], 1))


def test_features_grids_and_constants_are_no_hindrance() -> None:
    net = Remembers().eval()
    with torch.no_grad():
        net(IMAGES)
    assert segprune.trace(net, IMAGES).free_share == 1


def test_an_evaluation_leaves_nothing_in_a_network() -> None:
    net = Computes().train()
    net.o.eval()
    before = {name: copy.copy(vars(module)) for name, module in net.named_modules()}
    streets = segprune.open_dataset("streets", split="val", count=1, size=(32, 64))
    classes = len(streets.classes)
    net.o = nn.Conv2d(48, classes, 1).eval()
    before["o"] = copy.copy(vars(net.o))
    segprune.evaluate(net, streets)
    assert not net.known
    assert {name: vars(module) for name, module in net.named_modules()} == before
