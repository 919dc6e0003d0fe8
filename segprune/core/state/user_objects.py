"""What is a user's: classes, modules, and what their objects hold in cells and slots."""

from __future__ import annotations

import enum
import functools
import sys
import sysconfig
import threading
import types
from collections import UserDict
from collections.abc import Iterator
from typing import Any

__all__ = [
    "CELL", "EMPTY", "HOLDERS", "content_of", "is_installed", "is_users", "namespaces_of",
    "slots_of",
]  # fmt: skip

_OTHERS = frozenset({"torch", "numpy", "segprune", "typing_extensions", "pytorch_lightning"})
"""Packages that keep nothing for a user's network, or whose state is not ours to put back."""

_INSTALLED = tuple({sysconfig.get_paths()[kind] for kind in ("purelib", "platlib")})
HOLDERS = (UserDict, types.SimpleNamespace, threading.local)
"""Classes of Python's own whose attributes are a user's."""
CELL: Any = types.CellType.cell_contents
"""The place in a cell of a closure; a descriptor, as a slot is."""

EMPTY: Any = object()
"""Stands for the content of a cell or a slot that nothing has filled yet."""


@functools.lru_cache(maxsize=64)
def namespaces_of(kinds: frozenset[type]) -> tuple[types.ModuleType | type, ...]:
    """Return a network's own classes, their modules, and the modules that these import from."""
    classes = {base for kind in kinds for base in kind.__mro__ if is_users(base)}
    packages = {base.__module__.partition(".")[0] for base in classes}
    found: dict[str, types.ModuleType] = {}
    own = {base.__module__ for base in classes}
    waiting = [*own]
    while waiting:
        name = waiting.pop()
        module = sys.modules.get(name)
        if name in found or module is None or not _is_users_module(name):
            continue
        installed = is_installed(module)
        if installed and name.partition(".")[0] not in packages:
            continue
        found[name] = module
        if installed and name not in own:
            continue  # a library's modules lead to all of it
        for value in [*vars(module).values()]:
            taken = value.__name__ if isinstance(value, types.ModuleType) else None
            if isinstance(value, (type, types.FunctionType)):
                taken = value.__module__
            if isinstance(taken, str):
                waiting.append(taken)
    for module in found.values():
        for value in [*vars(module).values()]:
            if isinstance(value, type) and value.__module__ in found:
                classes.update(base for base in (value, type(value)) if is_users(base))
    # Members of an enumeration are made once and for all.
    classes = {kind for kind in classes if not issubclass(kind, enum.Enum)}
    return (*found.values(), *sorted(classes, key=lambda kind: kind.__qualname__))


def is_installed(module: object) -> bool:
    return str(getattr(module, "__file__", None) or "").startswith(_INSTALLED)


def is_users(kind: type) -> bool:
    """Return whether a class is a user's: not of Python's library, torch, numpy or this package."""
    return _is_users_module(kind.__module__)


def _is_users_module(name: str) -> bool:
    package = name.partition(".")[0]
    return (package not in _OTHERS and package not in sys.stdlib_module_names) or name == "__main__"


def content_of(owner: Any, place: Any = CELL) -> Any:
    """Return what a cell of a closure holds, or a slot of an object; EMPTY if nothing filled it."""
    try:
        return place.__get__(owner)
    except (AttributeError, ValueError):
        return EMPTY


def slots_of(value: Any) -> Iterator[types.MemberDescriptorType]:
    """Yield the slots that the classes of an object declare."""
    for base in type(value).__mro__:
        if "__slots__" in vars(base):
            yield from (s for s in vars(base).values() if type(s) is types.MemberDescriptorType)
