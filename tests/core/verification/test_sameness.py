"""Values are the same if they were copied or made by the same code, and not if one part differs."""

from __future__ import annotations

import copy
import enum
import functools
import types
import weakref
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from segprune.core.verification.sameness import Sameness, code_names


class Color(enum.Enum):
    RED = 1
    BLUE = 2


class Owner:
    def __init__(self, value: Any) -> None:
        self.value, self.me = value, self

    def get(self) -> Any:
        return self.value


class Slotless:
    pass


def scaled(factor: float) -> Callable[[float], float]:
    return lambda x, shift=2.0: x * factor + shift


def made(base: float) -> type:
    class Made:
        scale = base

        def twice(self) -> float:
            return 2 * self.scale

    return Made


PAIRS: dict[str, tuple[Callable[[Any], Any], Any, Any]] = {
    "a number": (lambda x: x, 1.0, 2.0),
    "not a number": (float, "nan", "1"),
    "a tensor": (torch.tensor, [1.0, 2.0], [1.0, 3.0]),
    "a tensor's type": (lambda kind: torch.zeros(2, dtype=kind), torch.int32, torch.int64),
    "an array": (np.array, [1.0, np.nan], [2.0, np.nan]),
    "a list": (list, "ab", "ba"),
    "a dictionary's value": (lambda x: {"a": [x]}, 1, 2),
    "a dictionary's key": (lambda x: {x: 1}, "a", "b"),
    "a set": (lambda x: {x, 3}, 1, 2),
    "an enumeration": (lambda x: x, Color.RED, Color.BLUE),
    "a closure": (scaled, 1.0, 2.0),
    "a partial": (lambda x: functools.partial(max, x, key=abs), 1, 2),
    "a built-in method": (lambda x: "{}".format if x else "{:.2f}".format, True, False),
    "a bound method of an object": (lambda x: Owner(x).get, 1, 2),
    "a property": (lambda x: property(scaled(x)), 1, 2),
    "an object that holds itself": (Owner, 1, 2),
    "an object in an object": (lambda x: Owner(Owner(x)), 1, 2),
    "a class": (made, 1.0, 2.0),
    "a function's code": (
        lambda x: (lambda a: a + 1) if x else (lambda a: a + 2), True, False,
    ),
    "a module's setting": (nn.Dropout, 0.1, 0.2),
    "a namespace": (lambda x: types.SimpleNamespace(x=x), 1, 2),
    "a cached function": (lambda x: functools.lru_cache(x)(abs), 4, 8),
}  # fmt: skip


@pytest.mark.parametrize("name", PAIRS)
def test_values_made_alike_are_the_same_and_others_are_not(name: str) -> None:
    make, one, other = PAIRS[name]
    assert Sameness()(make(one), make(one))
    assert not Sameness()(make(one), make(other))
    assert not Sameness()([Owner(make(one))], [Owner(make(other))])


def test_a_copy_of_an_object_that_holds_itself_is_the_same() -> None:
    owner = Owner([1, {"a": torch.ones(2)}])
    owner.value.append(owner)
    copied = copy.deepcopy(owner)
    assert Sameness()(owner, copied)
    copied.value[1]["a"] += 1
    assert not Sameness()(owner, copied)


def test_modules_and_tensors_of_two_networks_are_the_same_by_their_names() -> None:
    one, two = (nn.Sequential(nn.Conv2d(3, width, 1), nn.ReLU()) for width in (8, 4))
    same = Sameness(one, two)
    assert same([one[0], one[0].weight], [two[0], two[0].weight])
    assert not same([one[0]], [two[1]])
    assert same(weakref.ref(one), weakref.ref(two))


def test_an_answer_does_not_depend_on_earlier_ones() -> None:
    same = Sameness()
    one, two = Owner(1), Owner(2)
    assert not same(one, two)
    assert not same(one, two)
    assert not same(Slotless(), None)


def test_names_that_the_code_of_a_class_reads_are_found_but_not_those_of_torch() -> None:
    class Reads(nn.Conv2d):
        @property
        def area(self) -> int:
            return self.side**2

        def forward(self, x: Any) -> Any:
            return [getattr(self, "inner") for _ in x]  # noqa: B009

    names = code_names(Reads)
    assert {"side", "inner"} <= names
    assert "padding_mode" not in names
