"""Caches in further places are put back, and stores that are no caches are never written to."""

from __future__ import annotations

import dataclasses
import functools
import os
import shelve
import threading
import types
from collections import UserDict
from collections.abc import Callable, Iterator, MutableMapping
from os import environ
from pathlib import Path
from typing import Any, ClassVar

import pytest
import torch
from torch import Tensor, nn

import segprune

IMAGES = torch.rand(1, 3, 16, 16)
LOCAL = threading.local()
LOCAL.known = {}
SPACE = types.SimpleNamespace(known={})
IN_A_TUPLE: tuple[dict[Any, Tensor], ...] = ({},)
DEEP: dict[str, Any] = {"a": {"b": {"c": {"d": {}}}}}
USER: UserDict[Any, Tensor] = UserDict()


@dataclasses.dataclass(slots=True)
class Slotted:
    known: dict[Any, Tensor] = dataclasses.field(default_factory=dict)


SLOTTED = Slotted()


class Singleton:
    """No part of the network; made at its first use."""

    made: ClassVar[Any] = None
    known: dict[Any, Tensor]

    @classmethod
    def instance(cls) -> Singleton:
        if cls.made is None:
            cls.made = cls()
            cls.made.known = {}
        return cls.made


class Factory:
    @staticmethod
    @functools.cache
    def grid(h: int, w: int, device: Any) -> Tensor:
        return made(h, w, device)


def made(h: int, w: int, device: Any) -> Tensor:
    return torch.linspace(-1, 1, h * w, device=device).view(1, 1, h, w)


def known_by_function() -> dict[Any, Tensor]:
    if not hasattr(known_by_function, "known"):
        known_by_function.known = {}  # type: ignore[attr-defined]
    return known_by_function.known  # type: ignore[attr-defined, no-any-return]


def known_by_new_global() -> dict[Any, Tensor]:
    return globals().setdefault("LATE", types.SimpleNamespace(known={})).known  # type: ignore[no-any-return]


STORES: dict[str, Callable[[], Any]] = {
    "threading.local": lambda: LOCAL.known,
    "a namespace": lambda: SPACE.known,
    "a tuple": lambda: IN_A_TUPLE[0],
    "far below": lambda: DEEP["a"]["b"]["c"]["d"],
    "a UserDict": lambda: USER,
    "slots": lambda: SLOTTED.known,
    "a singleton of another class": lambda: Singleton.instance().known,
    "a function's attribute": known_by_function,
    "a new global": known_by_new_global,
}


class Net(nn.Module):
    def __init__(self, store: str | None = None) -> None:
        super().__init__()
        self.a, self.b = nn.Conv2d(3, 16, 3, padding=1), nn.Conv2d(17, 5, 1)
        self.store = store

    def forward(self, x: Tensor) -> Tensor:
        y = self.a(x)
        size = (*y.shape[-2:], y.device)
        if self.store is None:
            grid = Factory.grid(*size)
        else:
            known = STORES[self.store]()
            if size[:2] not in known:
                known[size[:2]] = made(*size)
            grid = known[size[:2]]
        return self.b(torch.cat([y, grid.expand(len(y), -1, -1, -1)], 1))


@pytest.mark.parametrize("store", [*STORES, None])
def test_a_cache_does_not_hinder_a_trace_and_is_left_empty(store: str | None) -> None:
    net = Net(store).eval()
    assert segprune.trace(net, IMAGES).free_share == 1
    if store is None:
        assert Factory.grid.cache_info().currsize == 0
    else:
        assert not STORES[store]()
    assert net(IMAGES).device.type == "cpu"


class OnDisk(MutableMapping[str, list[int]]):
    """As HDF5 groups and databases are: values are read anew, and changes are final."""

    def __getitem__(self, key: str) -> list[int]:
        return [1, 2]

    def __setitem__(self, key: str, value: list[int]) -> None:
        raise PermissionError("nothing may be set")

    def __delitem__(self, key: str) -> None:
        raise PermissionError("nothing may be deleted")

    def __iter__(self) -> Iterator[str]:
        return iter(["a", "b"])

    def __len__(self) -> int:
        return 2


def test_a_mapping_that_lies_on_a_disk_is_not_written_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(globals(), "DATA", OnDisk())
    with shelve.open(tmp_path / "shelf") as shelf:
        shelf["a"] = [1]
    with shelve.open(tmp_path / "shelf", flag="r") as shelf:
        monkeypatch.setitem(globals(), "SHELF", shelf)
        segprune.trace(Net("slots").eval(), IMAGES)
        assert shelf["a"] == [1]


def test_the_environment_is_not_touched(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: Any, key: str) -> None:
        raise AssertionError(f"{key} was deleted")

    assert environ is os.environ  # a name of this module, as `from os import environ` makes it
    with monkeypatch.context() as patch:
        patch.setattr(type(os.environ), "__delitem__", refuse)
        segprune.trace(Net("slots").eval(), IMAGES)


class Lazy(dict[str, int]):
    """As libraries' registries: what is asked for is made, at a price."""

    def __iter__(self) -> Iterator[str]:
        raise AssertionError("was read")

    items = values = keys = __iter__  # type: ignore[assignment]


def test_a_mapping_with_methods_of_its_own_is_kept_without_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(globals(), "LAZY", Lazy({"a": 1}))
    segprune.trace(Net("slots").eval(), IMAGES)
