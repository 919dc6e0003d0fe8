"""Put back what a user's code keeps outside its modules: globals, class attributes and caches.

Networks cache grids and biases in dictionaries at module level, in class attributes or behind
`functools.lru_cache`. Our runs of a network use tensors without data or of private copies. If
such a run left them there, the user's own next run would break, and ours would change.
"""

from __future__ import annotations

import contextlib
import functools
import sys
import sysconfig
import types
import warnings
from collections import OrderedDict, defaultdict, deque
from collections.abc import Iterable, Iterator, MutableMapping
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor, nn

__all__ = ["kept_as_it_is", "stores_kept"]

_OTHERS = frozenset({"torch", "numpy", "segprune", "typing_extensions", "pytorch_lightning"})
"""Packages that keep nothing for a user's network, or whose state is not ours to put back."""

_INSTALLED = tuple({sysconfig.get_paths()[kind] for kind in ("purelib", "platlib")})

_MOST_ENTRIES = 10_000  # of a container: longer ones are data, not caches
_MOST_NESTED = 64  # entries that are looked into, each; registries of a library hold thousands
_DEPTH = 3
_CONTAINERS = frozenset({dict, OrderedDict, defaultdict, list, set, deque})
_TENSORS = frozenset({"_parameters", "_buffers", "_modules"})
_PLAIN = frozenset({str, bytes, int, float, complex, bool, type(None), tuple, frozenset})


@contextlib.contextmanager
def kept_as_it_is(model: nn.Module) -> Iterator[None]:
    """Put back what the block changes in the globals, classes and closures of a network's code.

    Caches of `functools.lru_cache` that the block filled are emptied.
    """
    snapshot = _Snapshot()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # reading a deprecated name of a module warns
        for namespace in _namespaces(frozenset(map(type, model.modules()))):
            snapshot.add_namespace(namespace)
    for module in model.modules():
        snapshot.add_functions(vars(module).values())
        for hooks in (module._forward_hooks, module._forward_pre_hooks):
            snapshot.add_functions(hooks.values())
    try:
        yield
    finally:
        snapshot.restore()


@contextlib.contextmanager
def stores_kept(model: nn.Module) -> Iterator[None]:
    """Put back what a run of a network stores in attributes of its modules.

    Biases and weights that it computes once and keeps would be stale in a copy that is pruned.
    """
    snapshot = _Snapshot()
    before = [(module, dict(vars(module))) for module in model.modules()]
    for module, attributes in before:
        if _is_users(type(module)):
            for name, value in attributes.items():
                if name not in _TENSORS:
                    snapshot.add(value)
    try:
        yield
    finally:
        snapshot.restore()
        for module, attributes in before:
            for name in [*vars(module)]:
                if name not in attributes:
                    del vars(module)[name]
            vars(module).update(attributes)


@dataclass
class _Snapshot:
    """A record of what containers, namespaces and cells hold, and how often caches were filled."""

    _seen: set[int] = field(default_factory=set)
    _namespaces: list[tuple[Any, dict[str, Any]]] = field(default_factory=list)
    _containers: list[tuple[Any, Any]] = field(default_factory=list)
    _cells: list[tuple[types.CellType, Any]] = field(default_factory=list)
    _caches: list[tuple[Any, int]] = field(default_factory=list)

    def add_namespace(self, owner: types.ModuleType | type) -> None:
        """Add a module or a class: its names, and what lies behind them."""
        names = dict(vars(owner))
        self._namespaces.append((owner, names))
        for name, value in names.items():
            if not name.startswith("__"):
                self._add(value, _DEPTH)

    def add_functions(self, values: Iterable[Any]) -> None:
        """Add closures and defaults of those among the values that are functions."""
        for value in values:
            if isinstance(value, (types.FunctionType, types.MethodType, functools.partial)):
                self._add(value, _DEPTH)

    def add(self, value: Any) -> None:
        """Add what a container holds; ignore anything else."""
        if type(value) in _CONTAINERS:
            self._add(value, _DEPTH)

    def restore(self) -> None:
        for cache, misses in self._caches:
            if cache.cache_info().misses != misses:
                cache.cache_clear()
        for cell, value in self._cells:
            if _content(cell) is not value:
                cell.cell_contents = value
        for container, saved in self._containers:
            if not _same(container, saved):
                container.clear()
                (container.extend if isinstance(saved, list) else container.update)(saved)
        for owner, names in self._namespaces:
            _restore_namespace(owner, names)

    def _add(self, value: Any, depth: int) -> None:
        kind = type(value)
        if kind in _PLAIN or depth == 0 or id(value) in self._seen:
            return
        self._seen.add(id(value))
        if kind in (staticmethod, classmethod):
            value, kind = value.__func__, type(value.__func__)
        if kind is types.FunctionType:
            self._add_function(value, depth)
        elif kind in _CONTAINERS:
            self._add_container(value, depth)
        elif kind is types.MethodType:
            self._add(value.__func__, depth)
        elif kind is functools.partial:
            for part in (value.func, *value.args, *value.keywords.values()):
                self._add(part, depth - 1)
        elif kind is functools._lru_cache_wrapper:
            self._caches.append((value, value.cache_info().misses))
        elif isinstance(value, (type, Tensor, nn.Module, types.ModuleType)):
            return  # classes of the network are namespaces of their own
        elif isinstance(value, MutableMapping):
            self._add_container(value, depth)
        elif _is_users(kind) and hasattr(value, "__dict__"):
            self._add_container(vars(value), depth)

    def _add_function(self, function: types.FunctionType, depth: int) -> None:
        for cell in function.__closure__ or ():
            self._cells.append((cell, _content(cell)))
            self._add(_content(cell), depth - 1)
        for default in (*(function.__defaults__ or ()), *(function.__kwdefaults__ or {}).values()):
            self._add(default, depth - 1)

    def _add_container(self, container: Any, depth: int) -> None:
        try:
            if len(container) > _MOST_ENTRIES:
                return
            saved = _contents(container)
        except Exception:
            return  # a container class that does not let itself be read
        self._containers.append((container, saved))
        if len(saved) <= _MOST_NESTED:
            for entry in [*saved.values()] if isinstance(saved, dict) else [*saved]:
                self._add(entry, depth - 1)


@functools.lru_cache(maxsize=64)
def _namespaces(kinds: frozenset[type]) -> tuple[types.ModuleType | type, ...]:
    """Return a network's own classes, their modules, and the modules that these import from."""
    classes = {base for kind in kinds for base in kind.__mro__ if _is_users(base)}
    packages = {base.__module__.partition(".")[0] for base in classes}
    found: dict[str, types.ModuleType] = {}
    waiting = [base.__module__ for base in classes]
    while waiting:
        name = waiting.pop()
        module = sys.modules.get(name)
        if name in found or module is None or not _is_users_module(name):
            continue
        if name.partition(".")[0] not in packages and _is_installed(module):
            continue
        found[name] = module
        for value in [*vars(module).values()]:
            taken = value.__name__ if isinstance(value, types.ModuleType) else None
            if isinstance(value, (type, types.FunctionType)):
                taken = value.__module__
            if isinstance(taken, str):
                waiting.append(taken)
    return (*found.values(), *sorted(classes, key=lambda kind: kind.__qualname__))


def _is_installed(module: types.ModuleType) -> bool:
    return str(getattr(module, "__file__", None) or "").startswith(_INSTALLED)


def _is_users(kind: type) -> bool:
    return _is_users_module(kind.__module__)


def _is_users_module(name: str) -> bool:
    package = name.partition(".")[0]
    return (package not in _OTHERS and package not in sys.stdlib_module_names) or name == "__main__"


def _content(cell: types.CellType) -> Any:
    try:
        return cell.cell_contents
    except ValueError:  # not filled yet
        return None


def _contents(container: Any) -> Any:
    """Copy what a container holds as a dict, a set or a list; subclasses of dict as dicts."""
    if isinstance(container, dict):
        return dict(dict.items(container))
    if isinstance(container, MutableMapping):
        return dict(container)
    return set(container) if isinstance(container, set) else [*container]


def _same(container: Any, saved: Any) -> bool:
    now = _contents(container)
    if len(now) != len(saved):
        return False
    if isinstance(saved, dict):
        return all(key in now and now[key] is value for key, value in saved.items())
    if isinstance(saved, set):
        return bool(now == saved)
    return all(one is other for one, other in zip(now, saved, strict=True))


def _restore_namespace(owner: types.ModuleType | type, names: dict[str, Any]) -> None:
    for name, value in [*vars(owner).items()]:
        if name not in names:
            if _holds_tensors(value):  # other new names are modules that were imported late
                delattr(owner, name)
        elif names[name] is not value and not name.startswith("__"):
            setattr(owner, name, names[name])


def _holds_tensors(value: Any) -> bool:
    if isinstance(value, dict):
        return any(map(_holds_tensors, value.values()))
    if isinstance(value, (list, tuple, set)):
        return any(map(_holds_tensors, value))
    return isinstance(value, Tensor)
