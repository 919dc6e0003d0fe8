"""Compare values that networks hold: numbers, containers, functions, objects."""

from __future__ import annotations

import enum
import functools
import types
import weakref
from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.fx import Graph

from segprune.core.state.user_objects import content_of

__all__ = ["Sameness", "code_names"]

_DEPTH = 13
_CALLABLES: Mapping[type, Callable[[Any], Iterable[Any]]] = {
    functools.partial: lambda one: (one.func, one.args, one.keywords),
    functools._lru_cache_wrapper: lambda one: (one.__wrapped__, one.cache_parameters()),
    types.FunctionType: lambda one: (
        one.__code__, one.__defaults__, one.__kwdefaults__,
        [content_of(cell) for cell in one.__closure__ or ()],
    ),
    types.MethodType: lambda one: (one.__func__, one.__self__),
    types.BuiltinFunctionType: lambda one: (one.__name__, one.__self__),
    property: lambda one: (one.fget, one.fset, one.fdel),
    classmethod: lambda one: (one.__func__,),
    staticmethod: lambda one: (one.__func__,),
}  # fmt: skip
"""What makes up a function or a descriptor, by its class."""
# Attributes that Python itself adds to a class, some of them only at a first copy.
_NOTES = frozenset({
    "__annotations__", "__classdictcell__", "__dict__", "__doc__", "__firstlineno__",
    "__module__", "__orig_bases__", "__parameters__", "__slotnames__", "__static_attributes__",
    "__weakref__",
    "_abc_impl",
})  # fmt: skip


class Sameness:
    """Compares values of a network with those of its copy, or of one built by the same code.

    What cannot be compared (locks, weak references, random generators) counts as the same.

    Args:
        networks: both networks; their registered modules and tensors count as the same if their
            names are, since other checks compare them.
    """

    def __init__(self, *networks: nn.Module) -> None:
        self._names: dict[int, str] = {}
        for network in networks:
            for listed in (network.named_modules, network.named_parameters, network.named_buffers):
                self._names.update({id(item): name for name, item in listed()})
        self._seen: dict[tuple[int, int], tuple[object, object]] = {}
        self._depth = 0

    def __call__(self, one: Any, other: Any) -> bool:
        """Compare two values."""
        if one is other:
            return True
        if id(one) in self._names and id(other) in self._names:
            return self._names[id(one)] == self._names[id(other)]
        # Objects may hold themselves; the memo keeps both alive, or another would take the id.
        if (id(one), id(other)) in self._seen or self._depth > _DEPTH:
            return True
        if not isinstance(one, (bool, int, float, str)):
            self._seen[id(one), id(other)] = one, other
        self._depth += 1
        try:
            same = self._same(one, other)
        finally:
            self._depth -= 1
        if not same:
            self._seen.pop((id(one), id(other)), None)
        return same

    def _same(self, one: Any, other: Any) -> bool:
        if isinstance(one, (int, float, complex)) and isinstance(other, (int, float, complex)):
            return one == other or (one != one and other != other)
        if isinstance(one, Tensor) and isinstance(other, Tensor):
            return _same_tensors(one, other)
        if isinstance(one, np.ndarray) and isinstance(other, np.ndarray):
            return one.dtype == other.dtype and _same_arrays(one, other)
        if isinstance(one, type) and isinstance(other, type):
            return self.classes(one, other)
        if isinstance(one, (*_CALLABLES,)) or isinstance(other, (*_CALLABLES,)):
            return self._callables(one, other)
        if isinstance(one, (str, bytes, torch.dtype, torch.device, enum.Enum)):
            return bool(one == other)
        if isinstance(one, Set) and isinstance(other, Set):
            return one == other or (
                len(one) == len(other) and all(any(self(a, b) for b in other) for a in one)
            )
        if isinstance(one, Mapping) and isinstance(other, Mapping):
            return self._items(one, other) and self._items(one.values(), other.values())
        if isinstance(one, Sequence) and isinstance(other, Sequence):
            both_tuples = isinstance(one, tuple) and isinstance(other, tuple)  # or a torch.Size
            alike = both_tuples or self.classes(type(one), type(other))
            return alike and self._items(one, other)
        if isinstance(one, weakref.ref) and isinstance(other, weakref.ref):
            return self(one(), other())
        if isinstance(one, Graph) and isinstance(other, Graph):
            return str(one) == str(other)
        return self._objects(one, other)

    def _items(self, one: Iterable[Any] | None, other: Iterable[Any] | None) -> bool:
        ours, theirs = list(one or ()), list(other or ())
        return len(ours) == len(theirs) and all(map(self, ours, theirs))

    def _objects(self, one: Any, other: Any) -> bool:
        if one is None or other is None or not self.classes(type(one), type(other)):
            return False
        if hasattr(one, "__dict__"):
            ignored = vars(nn.Module()) if isinstance(one, nn.Module) else {}
            ours = {key: value for key, value in vars(one).items() if key not in ignored}
            theirs = {key: value for key, value in vars(other).items() if key not in ignored}
            return ours.keys() == theirs.keys() and all(
                self(value, theirs[key]) for key, value in ours.items()
            )
        try:  # classes in C are compared by their own equality, if they have one
            return not _has_equality(type(one)) or bool(one == other)
        except Exception:
            return True

    # -- code ----------------------------------------------------------------------------------

    def classes(self, one: type, other: type) -> bool:
        """Compare classes: one and the same, or made twice by the same code."""
        if one is other:
            return True
        if one.__name__ != other.__name__ or len(one.__bases__) != len(other.__bases__):
            return False
        ours = {key: value for key, value in vars(one).items() if key not in _NOTES}
        theirs = {key: value for key, value in vars(other).items() if key not in _NOTES}
        return (
            ours.keys() == theirs.keys()
            and all(map(self, one.__bases__, other.__bases__))
            and all(self(value, theirs[key]) for key, value in ours.items())
        )

    def _callables(self, one: Any, other: Any) -> bool:
        parts = next((read for kind, read in _CALLABLES.items() if isinstance(one, kind)), None)
        if parts is None or not self.classes(type(one), type(other)):
            return False
        return self._items(parts(one), parts(other))


def code_names(kind: type) -> set[str]:
    """Return names and strings in the methods of a class, except those of torch's classes."""
    found: set[str] = set()
    for base in kind.__mro__:
        if base is not object and not base.__module__.startswith("torch."):
            for value in vars(base).values():
                function = getattr(value, "fget", getattr(value, "__func__", value))
                if isinstance(function, types.FunctionType):
                    found |= _names_in(function.__code__)
    return found


def _names_in(code: types.CodeType) -> set[str]:
    found = {*code.co_names, *(item for item in code.co_consts if isinstance(item, str))}
    for inner in code.co_consts:
        if isinstance(inner, types.CodeType):
            found |= _names_in(inner)
    return found


def _has_equality(kind: type) -> bool:
    return any("__eq__" in vars(base) for base in kind.__mro__ if base is not object)


def _same_tensors(one: Tensor, other: Tensor) -> bool:
    """Compare by value; another shape may follow from the plan, and other checks compare it."""
    if one.dtype != other.dtype:
        return False
    if one.shape != other.shape or one.is_meta or other.is_meta or one.layout != torch.strided:
        return True
    ours, theirs = one.detach().cpu(), other.detach().cpu()
    if one.is_floating_point():
        ours, theirs = ours.double().nan_to_num(0.5), theirs.double().nan_to_num(0.5)
    return bool((ours == theirs).all())


def _same_arrays(one: np.ndarray[Any, Any], other: np.ndarray[Any, Any]) -> bool:
    return np.array_equal(one, other, equal_nan=one.dtype.kind in "fc")
