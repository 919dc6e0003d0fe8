"""Put back what a user's code keeps outside its modules: globals, class attributes and caches.

Networks cache grids and biases in dictionaries at module level, in class attributes or behind
`functools.lru_cache`. Our runs of a network use tensors without data or of private copies. If
such a run left them there, the user's own next run would break, and ours would change.
"""

from __future__ import annotations

import contextlib
import contextvars
import functools
import sys
import types
import warnings
from collections import OrderedDict, deque
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any
from weakref import WeakKeyDictionary, WeakValueDictionary

from torch import Tensor, nn

from segprune.core.state.user_objects import (
    CELL,
    EMPTY,
    HOLDERS,
    content_of,
    is_installed,
    is_users,
    namespaces_of,
    slots_of,
)

__all__ = ["preserve_attributes", "preserve_user_state"]

_MOST_ENTRIES = 10_000  # of a container: longer ones are data, not caches
_MOST_NESTED = 64  # entries that are looked into, each, in a library: its registries hold thousands
_MOST_OBJECTS = 20_000  # behind the names of one module or class, nearest first
_DEPTH = 6
_MAPPINGS = (OrderedDict, dict, WeakValueDictionary, WeakKeyDictionary)
_CONTAINERS = (*_MAPPINGS, list, set, deque)
"""What keeps its entries in memory; other mappings may lie on a disk, as `shelve` or the
environment do, and are never written to."""
_CODE = (types.ModuleType, type, types.FunctionType, types.BuiltinFunctionType)
_TENSORS = frozenset({"_parameters", "_buffers", "_modules"})
_OF_EVERY_MODULE = frozenset(vars(nn.Module()))
_PLAIN = frozenset({str, bytes, int, float, complex, bool, type(None), frozenset})


@contextlib.contextmanager
def preserve_user_state(model: nn.Module) -> Iterator[None]:
    """Put back what the block changes in the globals, classes and closures of a network's code.

    Caches of `functools.lru_cache` that the block filled are emptied.
    """
    snapshot = _Snapshot()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # reading a deprecated name of a module warns
        for namespace in namespaces_of(frozenset(map(type, model.modules()))):
            snapshot.add_namespace(namespace)
    for module in model.modules():
        own = [value for name, value in vars(module).items() if name not in _OF_EVERY_MODULE]
        snapshot.add_functions(own)
        for hooks in (module._forward_hooks, module._forward_pre_hooks):
            snapshot.add_functions(hooks.values())
    try:
        yield
    finally:
        snapshot.restore()


@contextlib.contextmanager
def preserve_attributes(model: nn.Module) -> Iterator[list[str]]:
    """Put back what a run of a network stores in attributes of its modules, or registers in them.

    Biases and weights that it computes once and keeps would be stale in a copy that is pruned, and
    grids at other sizes. Numbers that it writes into its buffers stay.

    Yields:
        A list that is filled after the block: paths of the attributes that had changed.
    """
    changed: list[str] = []
    modules = [(f"{path}." if path else "", module) for path, module in model.named_modules()]
    containers = []
    for prefix, module in modules:
        for name, value in vars(module).items() if is_users(type(module)) else ():
            if name not in _TENSORS:
                snapshot = _Snapshot()
                snapshot.add(value)
                containers.append((prefix + name, snapshot))
    attributes = [(prefix, vars(module), dict(vars(module))) for prefix, module in modules]
    registries = [
        (prefix, held[name], dict(held[name]))
        for prefix, _, held in attributes
        for name in sorted(_TENSORS)
    ]
    try:
        yield changed
    finally:
        changed += [name for name, snapshot in containers if snapshot.restore()]
        for prefix, now, before in (*attributes, *registries):
            names = now.keys() | before.keys()
            different = [n for n in names if now.get(n, EMPTY) is not before.get(n, EMPTY)]
            if different:
                changed += [prefix + name for name in different]
                _refill(now, before)
        changed.sort()


@dataclass
class _Snapshot:
    """A record of what containers, namespaces, cells and slots hold, and how full caches were."""

    _seen: set[int] = field(default_factory=set)
    _most_nested: int = _MOST_ENTRIES
    _left: int = _MOST_OBJECTS
    _waiting: deque[tuple[Any, int]] = field(default_factory=deque)
    _namespaces: list[tuple[Any, dict[str, Any]]] = field(default_factory=list)
    _containers: list[tuple[Any, Any]] = field(default_factory=list)
    _places: list[tuple[Any, Any, Any]] = field(default_factory=list)
    _caches: list[tuple[Any, int]] = field(default_factory=list)

    def add_namespace(self, owner: types.ModuleType | type) -> None:
        """Add a module or a class: its names, and what lies behind them."""
        names = dict(vars(owner))
        self._namespaces.append((owner, names))
        home = sys.modules.get(owner.__module__) if isinstance(owner, type) else owner
        self._most_nested = _MOST_NESTED if is_installed(home) else _MOST_ENTRIES
        self._add_all((value for name, value in names.items() if not name.startswith("__")), _DEPTH)
        self._most_nested = _MOST_ENTRIES

    def add_functions(self, values: Iterable[Any]) -> None:
        """Add closures and defaults of those among the values that are functions, or hold some."""
        kinds = (types.FunctionType, types.MethodType, functools.partial, *_CONTAINERS)
        self._add_all((value for value in values if issubclass(type(value), kinds)), _DEPTH)

    def add(self, value: Any) -> None:
        """Add what a container holds; ignore anything else."""
        if issubclass(type(value), _CONTAINERS):
            self._add_all([value], _DEPTH)

    def restore(self) -> bool:
        """Put everything back; return whether a container had changed."""
        for cache, misses in self._caches:
            if cache.cache_info().misses != misses:
                cache.cache_clear()
        for place, owner, value in self._places:
            if content_of(owner, place) is value:
                continue
            if value is EMPTY:
                place.__delete__(owner)
            else:
                place.__set__(owner, value)
        changed = [pair for pair in self._containers if not _same(*pair)]
        for container, saved in changed:
            _refill(container, saved)
        for owner, names in self._namespaces:
            _restore_namespace(owner, names)
        return bool(changed)

    def _add_all(self, values: Iterable[Any], depth: int) -> None:
        """Note values and what they hold, nearest first, so that a short way to each is found."""
        self._left = _MOST_OBJECTS
        self._wait(values, depth)
        while self._waiting:
            self._note(*self._waiting.popleft())

    def _wait(self, values: Iterable[Any], depth: int) -> None:
        for value in values:
            if type(value) in _PLAIN or depth <= 0 or id(value) in self._seen or not self._left:
                continue
            self._left -= 1
            self._seen.add(id(value))
            self._waiting.append((value, depth))

    def _note(self, value: Any, depth: int) -> None:
        kind = type(value)
        if kind in (staticmethod, classmethod):
            self._wait([value.__func__], depth)
        elif kind is types.FunctionType:
            self._add_function(value, depth)
        elif issubclass(kind, _CONTAINERS):
            self._add_container(value, depth)
        elif kind is types.MethodType:
            self._wait([value.__func__, value.__self__], depth)
        elif kind is functools.partial:
            self._wait((value.func, *value.args, *value.keywords.values()), depth - 1)
        elif kind is contextvars.ContextVar:
            self._wait([_current(value)], depth)
        elif kind is functools._lru_cache_wrapper:
            self._caches.append((value, value.cache_info().misses))
            self._wait([value.__wrapped__], depth)
        elif issubclass(kind, (type, Tensor, nn.Module, types.ModuleType)):
            return  # classes of the network are namespaces of their own
        elif issubclass(kind, tuple):
            self._wait(self._looked_into(value), depth - 1)
        elif is_users(kind) or issubclass(kind, HOLDERS):
            self._add_object(value, depth)

    def _add_function(self, function: types.FunctionType, depth: int) -> None:
        for cell in function.__closure__ or ():
            self._add_place(CELL, cell, depth - 1)
        self._wait(function.__defaults__ or (), depth - 1)
        self._wait((function.__kwdefaults__ or {}).values(), depth - 1)
        self._wait([vars(function)], depth - 1)

    def _add_object(self, value: Any, depth: int) -> None:
        for slot in slots_of(value):
            self._add_place(slot, value, depth - 1)
        attributes = getattr(value, "__dict__", None)
        if type(attributes) is dict:
            self._wait([attributes], depth)

    def _add_place(self, place: Any, owner: Any, depth: int) -> None:
        content = content_of(owner, place)
        self._places.append((place, owner, content))
        self._wait([content], depth)

    def _add_container(self, container: Any, depth: int) -> None:
        if len(container) > _MOST_ENTRIES:
            return
        if (kind := _mapping(container)) is not None:
            saved: Any = dict(kind.items(container))
            entries = saved.values()
        else:
            saved = entries = set(container) if isinstance(container, set) else [*container]
        self._containers.append((container, saved))
        self._wait(self._looked_into(entries), depth - 1)

    def _looked_into(self, entries: Collection[Any]) -> Iterable[Any]:
        """Return all entries, or only the containers of a registry that a library fills."""
        if len(entries) <= self._most_nested:
            return entries
        return (entry for entry in entries if issubclass(type(entry), _CONTAINERS))


def _current(variable: contextvars.ContextVar[Any]) -> Any:
    try:
        return variable.get()  # a fallback would hide the variable's own default
    except LookupError:
        return None


def _mapping(container: Any) -> Any:
    """Return the base class that reads and writes a mapping's entries and nothing else; or None."""
    return next((kind for kind in _MAPPINGS if isinstance(container, kind)), None)


def _same(container: Any, saved: Any) -> bool:
    if len(container) != len(saved):
        return False
    if (kind := _mapping(container)) is not None:
        return all(saved.get(key, EMPTY) is value for key, value in kind.items(container))
    if isinstance(saved, set):
        return all(entry in container for entry in saved)
    return all(one is other for one, other in zip(container, saved, strict=True))


def _refill(container: Any, saved: Any) -> None:
    if (kind := _mapping(container)) is not None:
        kind.clear(container)
        for key, value in saved.items():
            kind.__setitem__(container, key, value)
        return
    container.clear()
    (container.update if isinstance(saved, set) else container.extend)(saved)


def _restore_namespace(owner: types.ModuleType | type, names: dict[str, Any]) -> None:
    # `type`'s own methods, for a metaclass may forbid what we do.
    put, drop = (
        (type.__setattr__, type.__delattr__) if isinstance(owner, type) else (setattr, delattr)
    )
    for name, value in [*vars(owner).items()]:
        if name.startswith("__"):
            continue
        if name not in names:
            if not isinstance(value, _CODE):  # code that was imported late may stay
                drop(owner, name)
        elif names[name] is not value:
            put(owner, name, names[name])
    for name, value in names.items():
        if name not in vars(owner):
            put(owner, name, value)
