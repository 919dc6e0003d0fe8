"""Context variables and large containers are put back; a place that cannot be is reported."""

from __future__ import annotations

import contextvars
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import segprune
from segprune.errors import TraceError

IMAGES = torch.rand(1, 3, 16, 16)
MANY = 300  # more entries than a cache of sizes has

SET: contextvars.ContextVar[dict[Any, Tensor]] = contextvars.ContextVar("SET")
GIVEN: contextvars.ContextVar[dict[Any, Tensor]] = contextvars.ContextVar("GIVEN", default={})  # noqa: B039
BY_NUMBER: dict[Any, Any] = {number: {} for number in range(MANY)}
IN_A_LIST: list[dict[Any, Tensor]] = [{} for _ in range(MANY)]
IN_A_TUPLE: tuple[dict[Any, Tensor], ...] = tuple({} for _ in range(MANY))


class Held:
    """A user's own class, of which a large dictionary holds objects."""

    def __init__(self) -> None:
        self.known: dict[Any, Tensor] = {}


OBJECTS = {number: Held() for number in range(MANY)}


def made(features: Tensor) -> Tensor:
    return features.mean((0, 2, 3))


def by_a_set_variable(features: Tensor) -> Tensor:
    known = SET.get({})
    if "mean" not in known:
        SET.set({"mean": made(features)})
    return SET.get()["mean"]


def by_the_content_of_a_variable(features: Tensor) -> Tensor:
    return GIVEN.get().setdefault("mean", made(features))


def looked_up(find: Callable[[], dict[Any, Tensor]]) -> Callable[[Tensor], Tensor]:
    def grid(features: Tensor) -> Tensor:
        known = find()
        if "mean" not in known:
            known["mean"] = made(features)
        return known["mean"]

    return grid


PLACES: dict[str, tuple[Callable[[Tensor], Tensor], Callable[[], Any]]] = {
    "a variable that is set": (by_a_set_variable, lambda: SET.get({})),
    "the content of a variable": (by_the_content_of_a_variable, GIVEN.get),
    "a dictionary of many": (looked_up(lambda: BY_NUMBER[290]), lambda: BY_NUMBER[290]),
    "a list of many": (looked_up(lambda: IN_A_LIST[290]), lambda: IN_A_LIST[290]),
    "a tuple of many": (looked_up(lambda: IN_A_TUPLE[290]), lambda: IN_A_TUPLE[290]),
    "an object of many": (looked_up(lambda: OBJECTS[290].known), lambda: OBJECTS[290].known),
}


class Net(nn.Module):
    """Scales its features by what was kept of an earlier run: right only within one run."""

    def __init__(self, how: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.a, self.b = nn.Conv2d(3, 16, 3, padding=1), nn.Conv2d(16, 5, 1)
        self.how = how

    def forward(self, x: Tensor) -> Tensor:
        y = self.a(x)
        return self.b(y * self.how(y).view(1, -1, 1, 1))


@pytest.mark.parametrize("place", PLACES)
def test_what_a_run_keeps_is_gone_after_a_trace_a_pruning_and_a_proof(place: str) -> None:
    how, read = PLACES[place]
    torch.manual_seed(0)
    net = Net(how).eval()
    plan = segprune.make_plan(net, IMAGES, budget={"channels": 0.5})
    pruned = segprune.prune(net, plan)
    assert pruned.a.out_channels < 16
    assert segprune.verify(net, pruned, plan, IMAGES) == ()
    assert read() == {}
    assert SET not in contextvars.copy_context()


def test_what_a_context_variable_held_before_stays_in_it() -> None:
    kept = torch.ones(16)

    def check() -> None:
        SET.set({"mean": kept})
        before = SET.get()
        segprune.trace(Net(by_a_set_variable).eval(), IMAGES)
        assert SET.get() is before
        assert before == {"mean": kept}

    contextvars.copy_context().run(check)


def _keeper() -> Iterator[Any]:
    """A generator in the middle of its work; nothing outside reaches what it keeps."""
    kept: Tensor | None = None
    features = yield
    while True:
        if kept is None:
            kept = made(features)
        features = yield kept


def test_a_place_that_cannot_be_put_back_is_reported_with_its_line() -> None:
    keeper: Any = _keeper()
    next(keeper)
    said = r"second run .*first had aten\.mean \(.*test_user_objects.*clear it"
    with pytest.raises(TraceError, match=said):
        segprune.trace(Net(keeper.send).eval(), IMAGES)
