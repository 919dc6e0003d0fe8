"""Values of two networks are the same if code could not tell them apart."""

from __future__ import annotations

import functools
import threading
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from segprune.core.verification.sameness import Sameness


def scaled(factor: float) -> Any:
    return lambda x: factor * x


class Held:
    def __init__(self, value: Any) -> None:
        self.value = value


SAME: list[tuple[Any, Any]] = [
    (1, 1.0), (float("nan"), float("nan")), ([1, {"a": (2,)}], [1, {"a": (2,)}]),
    (torch.ones(2), torch.ones(2)), (np.arange(3), np.arange(3)), ({1, 2}, {2, 1}),
    (scaled(2.0), scaled(2.0)), (functools.partial(max, 1), functools.partial(max, 1)),
    (Held([1]), Held([1])), (threading.Lock(), threading.Lock()), (nn.ReLU, nn.ReLU),
]  # fmt: skip
DIFFERENT: list[tuple[Any, Any]] = [
    (1, 2), ("a", "b"), ([1], [1, 1]), ({"a": 1}, {"b": 1}), (torch.ones(2), torch.zeros(2)),
    (torch.ones(2), torch.ones(2).double()), (np.arange(3), np.arange(3.0)),
    (scaled(2.0), scaled(3.0)), (Held([1]), Held([2])), (nn.ReLU, nn.ReLU6), (None, 0),
    (functools.partial(max, 1), functools.partial(max, 2)),
]  # fmt: skip


@pytest.mark.parametrize(("one", "other"), SAME, ids=str)
def test_equal_values_are_the_same(one: Any, other: Any) -> None:
    assert Sameness(nn.Identity(), nn.Identity())(one, other)
    assert Sameness(nn.Identity(), nn.Identity())(other, one)


@pytest.mark.parametrize(("one", "other"), DIFFERENT, ids=str)
def test_values_that_code_could_tell_apart_differ(one: Any, other: Any) -> None:
    assert not Sameness(nn.Identity(), nn.Identity())(one, other)
    assert not Sameness(nn.Identity(), nn.Identity())(other, one)


def test_modules_of_both_networks_are_the_same_if_their_names_are() -> None:
    ours, theirs = (nn.Sequential(nn.ReLU(), nn.ReLU()) for _ in range(2))
    same = Sameness(ours, theirs)
    assert same(ours[0], theirs[0])
    assert not same(ours[0], theirs[1])


def test_objects_that_hold_themselves_are_compared_and_come_to_an_end() -> None:
    one, other = Held(None), Held(None)
    one.value, other.value = one, other
    assert Sameness(nn.Identity(), nn.Identity())(one, other)
