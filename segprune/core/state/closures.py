"""Make hooks and lambdas of a copied network refer to the copy, not to the original.

`copy.deepcopy` hands functions, caches of functions and weak references on as they are. A hook that
captured `self` would go on writing to the original network, and a copy would read what the original
computed.
"""

from __future__ import annotations

import copy
import functools
import types
import weakref
from collections import OrderedDict, defaultdict, deque
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from torch import Tensor, nn

from segprune.core.state.user_objects import EMPTY, HOLDERS, content_of, is_users, slots_of

__all__ = ["follow_the_copy", "proxies_of", "uncopyable"]

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


def proxies_of(model: nn.Module) -> list[Any]:
    """Return the weak proxies of a network's modules; a deep copy would copy what they stand for.

    Their attributes are the modules' attributes, so compare them by `id` only.
    """
    found = [reference for module in model.modules() for reference in weakref.getweakrefs(module)]
    return [reference for reference in found if type(reference) in _PROXIES]


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
                return f"{path}.{name}, {_described(value)}".removeprefix(".")
    return None


def _described(value: Any) -> str:
    held = [*value.values()] if isinstance(value, Mapping) else value
    inside = held if isinstance(held, (list, tuple, set)) else [value]
    if any(isinstance(part, Tensor) and not part.is_leaf for part in inside):
        return f"a {type(value).__name__} with what an earlier run computed"
    return f"a {type(value).__name__}"


class _Follower:
    """Rebuilds what refers to copied objects, so that it refers to the copies.

    What is itself part of the copy is changed in place.
    """

    def __init__(self, memo: Mapping[int, object]) -> None:
        self._memo = memo
        self._copies = {id(copied) for copied in memo.values()}
        self._made: dict[int, Any] = {}

    def is_affected(self, value: Any) -> bool:
        """Return whether a value refers to a copied object: a function, or what it holds."""
        if type(value) in _PROXIES:
            return self._leads(value)
        seen: dict[int, Any] = {id(value): value}  # kept alive, or another would take the id
        waiting = deque([value] if _is_followed(value) else [])
        while waiting and len(seen) < _MOST_OBJECTS:
            for part in _parts(waiting.popleft()):
                if self._has_copy(part):
                    return True
                if id(part) not in seen and _is_followed(part):
                    seen[id(part)] = part
                    waiting.append(part)
        return False

    def copied(self, value: Any) -> Any:
        """Return the copy of an object, or an object like it that refers to copies."""
        if type(value) in _PROXIES:
            return weakref.proxy(self._memo[id(_referent(value))]) if self._leads(value) else value
        if self._has_copy(value):
            return self._memo[id(value)]
        if not self.is_affected(value):
            return value
        if id(value) not in self._made:
            self._make(value)
        return self._made[id(value)]

    def _has_copy(self, value: Any) -> bool:
        if type(value) in _PROXIES:
            return self._leads(value)
        return not isinstance(value, _PLAIN) and id(value) in self._memo

    def _leads(self, proxy: Any) -> bool:
        return id(_referent(proxy)) in self._memo

    def _make(self, value: Any) -> None:
        """Note what stands for a value. Where it may refer to itself, note it before it is full."""
        kind = type(value)
        if kind is types.FunctionType:
            self._make_function(value)
        elif kind in _CHANGEABLE:
            parts = [*_entries(value)]
            made = self._emptied(value)
            if issubclass(kind, _MAPPINGS):
                made.update((self.copied(key), self.copied(part)) for key, part in parts)
            else:
                extend = made.extend if issubclass(kind, (list, deque)) else made.update
                extend([self.copied(part) for part in parts])
        elif kind in _FOLLOWED or isinstance(value, functools.partial):
            self._made[id(value)] = self._anew(value)
        else:
            self._make_object(value)

    def _emptied(self, container: Any) -> Any:
        made = container if id(container) in self._copies else container.copy()
        made.clear()
        self._made[id(container)] = made
        return made

    def _anew(self, value: Any) -> Any:
        """Return an object that cannot be changed, made anew of copied parts."""
        kind = type(value)
        if isinstance(value, functools.partial):
            keywords = {key: self.copied(part) for key, part in value.keywords.items()}
            return kind(self.copied(value.func), *map(self.copied, value.args), **keywords)
        if kind is types.MethodType:
            return types.MethodType(self.copied(value.__func__), self.copied(value.__self__))
        if kind is types.BuiltinFunctionType:
            return getattr(self.copied(value.__self__), value.__name__)
        if kind in (weakref.ref, weakref.WeakMethod):
            return kind(self.copied(value()))
        if kind is functools._lru_cache_wrapper:  # what the original computed is left out
            return functools.lru_cache(**value.cache_parameters())(self.copied(value.__wrapped__))
        return kind(map(self.copied, value))

    def _make_object(self, value: Any) -> None:
        try:
            made = value if id(value) in self._copies else copy.copy(value)
        except Exception:  # it is handed on as it is
            made = value
        self._made[id(value)] = made
        if made is value and id(value) not in self._copies:
            return
        for name, part in _attributes(value).items():
            if (followed := self.copied(part)) is not part:
                object.__setattr__(made, name, followed)

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
            if (content := content_of(old)) is not EMPTY:
                cell.cell_contents = self.copied(content)


def _is_followed(value: Any) -> bool:
    """Return whether something behind a value may be copied, so that it must be made anew."""
    kind = type(value)
    if kind in _FOLLOWED or kind in _CHANGEABLE or isinstance(value, functools.partial):
        return True
    if issubclass(kind, (type, nn.Module, Tensor, tuple)) or not is_users(kind):
        return kind in HOLDERS
    return bool(_attributes(value))


def _parts(value: Any) -> Iterator[Any]:
    """List what an object refers to, except globals and what is weakly held and no module."""
    kind = type(value)
    if kind in _CHANGEABLE:
        for entry in _entries(value):
            yield from entry if issubclass(kind, _MAPPINGS) else (entry,)
    elif kind in (tuple, frozenset):
        yield from value
    elif kind is types.MethodType:
        yield from (value.__func__, value.__self__)
    elif kind is types.BuiltinFunctionType:
        yield value.__self__
    elif kind is weakref.WeakMethod:
        method = value()
        yield from () if method is None else _modules_in([method.__self__])
    elif kind is weakref.ref:
        yield from _modules_in([value()])
    elif isinstance(value, functools.partial):
        yield from (value.func, *value.args, *value.keywords.values())
    elif kind is functools._lru_cache_wrapper:
        yield value.__wrapped__
    elif kind is types.FunctionType:
        for cell in value.__closure__ or ():
            yield content_of(cell)
        yield from value.__defaults__ or ()
        yield from (value.__kwdefaults__ or {}).values()
    else:
        yield from _attributes(value).values()


def _entries(container: Any) -> Iterable[Any]:
    """List the entries of a container; of a mapping, the pairs."""
    held = container.items() if isinstance(container, _MAPPINGS) else container
    return [*held] if len(container) <= _MOST_OBJECTS else ()


def _attributes(value: Any) -> dict[str, Any]:
    """Return the attributes of an object, also those that lie in slots."""
    found = {slot.__name__: content_of(value, slot) for slot in slots_of(value)}
    filled = {name: content for name, content in found.items() if content is not EMPTY}
    return filled | (getattr(value, "__dict__", None) or {})


def _modules_in(referents: Iterable[Any]) -> Iterator[nn.Module]:
    return (found for found in referents if isinstance(found, nn.Module))


def _referent(proxy: Any) -> Any:
    """Return what a weak proxy stands for; None if that is gone."""
    try:
        return proxy.__init__.__self__
    except ReferenceError:
        return None


_MOST_OBJECTS = 10_000
_PROXIES = (weakref.ProxyType, weakref.CallableProxyType)
_PLAIN = (str, bytes, int, float, complex, type(None), type, tuple, types.ModuleType)
_MAPPINGS = (dict, weakref.WeakValueDictionary, weakref.WeakKeyDictionary)
_CHANGEABLE = frozenset(
    {dict, OrderedDict, defaultdict, list, deque, set, weakref.WeakSet, *_MAPPINGS}
)
_FOLLOWED = frozenset({
    types.FunctionType, types.MethodType, types.BuiltinFunctionType, functools.partial,
    functools._lru_cache_wrapper, weakref.ref, weakref.WeakMethod, tuple, frozenset,
})  # fmt: skip
"""What is made anew where something behind it was copied."""
