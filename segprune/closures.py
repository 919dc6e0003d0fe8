"""Make hooks and lambdas of a copied network refer to the copy, not to the original.

`copy.deepcopy` hands functions on as they are. A hook that captured `self` would go on writing to
the original network, and a copy would read what the original computed.
"""

from __future__ import annotations

import copy
import functools
import types
import weakref
from collections.abc import Iterator, Mapping
from typing import Any

from torch import Tensor, nn

__all__ = ["follow_the_copy", "uncopyable"]

_HOOKS = (
    "_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks",
    "_state_dict_hooks", "_state_dict_pre_hooks", "_load_state_dict_pre_hooks",
)  # fmt: skip


def follow_the_copy(twin: nn.Module, memo: Mapping[int, object]) -> None:
    """Let functions that a copy stores refer to the copy where they referred to the original.

    Args:
        twin: a deep copy; its hooks and attributes change in place.
        memo: the deep copy's memo: `id` of each original object -> its copy.
    """
    follower = _Follower(memo)
    for module in twin.modules():
        for table in (*(vars(module).get(name) or {} for name in _HOOKS), module.__dict__):
            for key, value in [*table.items()]:
                if follower.is_affected(value):
                    table[key] = follower.copied(value)


def uncopyable(model: nn.Module) -> str | None:
    """Name the first attribute that `copy.deepcopy` refuses: its path, and what it holds."""
    shared = [*model.modules(), *model.parameters(), *model.buffers()]
    for path, module in model.named_modules():
        for name, value in vars(module).items():
            if name in ("_parameters", "_buffers", "_modules"):
                continue
            try:
                copy.deepcopy(value, {id(part): part for part in shared})
            except Exception:
                return (
                    f"{path}.{name}, {_described(value)}"
                    if path
                    else f"{name}, {_described(value)}"
                )
    return None


def _described(value: Any) -> str:
    held = [*value.values()] if isinstance(value, Mapping) else value
    inside = held if isinstance(held, (list, tuple, set)) else [value]
    if any(isinstance(part, Tensor) and not part.is_leaf for part in inside):
        return f"a {type(value).__name__} with what an earlier run computed"
    return f"a {type(value).__name__}"


class _Follower:
    """Rebuilds functions that refer to copied objects, so that they refer to the copies."""

    def __init__(self, memo: Mapping[int, object]) -> None:
        self._memo = memo
        self._made: dict[int, Any] = {}

    def is_affected(self, value: Any, seen: frozenset[int] = frozenset()) -> bool:
        """Return whether a function refers to a copied object, or through other functions."""
        if type(value) not in _FOLLOWED and not isinstance(value, functools.partial):
            return False
        if id(value) in seen:
            return False
        seen |= {id(value)}
        return any(self._has_copy(part) or self.is_affected(part, seen) for part in _parts(value))

    def copied(self, value: Any) -> Any:
        """Return the copy of an object, or a function of the same code that refers to copies."""
        if self._has_copy(value):
            return self._memo[id(value)]
        if not self.is_affected(value):
            return value
        if isinstance(value, functools.partial):
            keywords = {key: self.copied(part) for key, part in value.keywords.items()}
            return type(value)(self.copied(value.func), *map(self.copied, value.args), **keywords)
        if isinstance(value, types.MethodType):
            return types.MethodType(self.copied(value.__func__), self.copied(value.__self__))
        if isinstance(value, tuple):
            return tuple(map(self.copied, value))
        if isinstance(value, weakref.ref):
            return weakref.ref(self.copied(value()))
        if id(value) not in self._made:
            self._make(value)
        return self._made[id(value)]

    def _has_copy(self, value: Any) -> bool:
        return not isinstance(value, _PLAIN) and id(value) in self._memo

    def _make(self, value: Any) -> None:
        # Known before they are filled, for each may refer to itself.
        if isinstance(value, list):
            items: list[Any] = []
            self._made[id(value)] = items
            items.extend(map(self.copied, value))
        elif isinstance(value, dict):
            entries: dict[Any, Any] = {}
            self._made[id(value)] = entries
            entries.update((key, self.copied(part)) for key, part in value.items())
        else:
            self._make_function(value)

    def _make_function(self, value: types.FunctionType) -> None:
        # Cells are filled at the end, for a function may refer to itself.
        cells = tuple(types.CellType() for _ in value.__closure__ or ())
        made = types.FunctionType(value.__code__, value.__globals__, value.__name__, None, cells)
        self._made[id(value)] = made
        functools.update_wrapper(made, value)
        made.__dict__.pop("__wrapped__", None)
        made.__dict__.update(value.__dict__)
        made.__defaults__ = value.__defaults__ and tuple(map(self.copied, value.__defaults__))
        made.__kwdefaults__ = value.__kwdefaults__ and {
            key: self.copied(part) for key, part in value.__kwdefaults__.items()
        }
        for cell, old in zip(cells, value.__closure__ or (), strict=True):
            if (content := _content(old)) is not _EMPTY:
                cell.cell_contents = self.copied(content)


def _parts(value: Any) -> Iterator[Any]:
    """List what a function refers to, except globals, or what a container holds."""
    if isinstance(value, (list, tuple)):
        yield from value
        return
    if isinstance(value, dict):
        yield from value.values()
        return
    if isinstance(value, types.MethodType):
        yield from (value.__func__, value.__self__)
        return
    if isinstance(value, weakref.ref):
        yield value()
        return
    if isinstance(value, functools.partial):
        yield from (value.func, *value.args, *value.keywords.values())
        return
    for cell in value.__closure__ or ():
        yield _content(cell)
    yield from value.__defaults__ or ()
    yield from (value.__kwdefaults__ or {}).values()


def _content(cell: types.CellType) -> Any:
    try:
        return cell.cell_contents
    except ValueError:
        return _EMPTY


_EMPTY = object()
_PLAIN = (str, bytes, int, float, complex, type(None), type, tuple, types.ModuleType)
_FOLLOWED = frozenset(
    {types.FunctionType, types.MethodType, functools.partial, weakref.ref, list, tuple, dict}
)
"""What is made anew where something behind it was copied."""
