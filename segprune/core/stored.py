"""Whole numbers that users' modules store, by path: what is rewritten along with the channels."""

from __future__ import annotations

import ast
import copy
import re
from collections.abc import Iterator, MutableMapping
from typing import Any

from torch import Tensor, nn

__all__ = ["counts_of", "set_count"]

_DEPTH = 4
_LONGEST = 64
_INTERNAL = frozenset(vars(nn.Module()))
_STEP = re.compile(r"\.([^.\[\]]+)|\[([^\[\]]+)\]")


def counts_of(module: nn.Module) -> dict[str, int]:
    """Whole numbers that a user's module stores, by path.

    Attributes (`width`), those of its classes, and what lists, tuples, dictionaries and plain
    objects among them hold: `splits[1]`, `table[0][2]`, `config['width']`, `config.width`.
    Modules of torch itself that have tensors are left out: their attributes follow those.
    """
    torchs_own = type(module).__module__.startswith("torch.nn.")
    if torchs_own and (module._parameters or module._buffers):
        return {}
    found: dict[str, int] = {}
    for name, value in _attributes(module).items():
        found.update(_counts(name, value, _DEPTH))
    return found


def set_count(module: nn.Module, name: str, value: int) -> None:
    """Set a number that `counts_of` named.

    Containers are copied on the way: other modules may hold the same list or object.
    """
    attribute = re.split(r"[.\[]", name, maxsplit=1)[0]
    steps = [field or ast.literal_eval(key) for field, key in _STEP.findall(name[len(attribute) :])]
    setattr(module, attribute, _replaced(getattr(module, attribute, None), steps, value))


def _attributes(module: nn.Module) -> dict[str, Any]:
    """Attributes of a module and of its users' classes, without those of torch."""
    found: dict[str, Any] = {}
    for kind in reversed(type(module).__mro__):
        if not kind.__module__.startswith(("torch.", "builtins")):
            numbers = {k: v for k, v in vars(kind).items() if isinstance(v, (int, list, tuple))}
            found.update({k: v for k, v in numbers.items() if not k.startswith("__")})
    found.update({k: v for k, v in vars(module).items() if k not in _INTERNAL})
    return found


def _counts(path: str, value: Any, depth: int) -> Iterator[tuple[str, int]]:
    if type(value) is int:
        yield path, value
        return
    if depth:
        for step, item in _items(value):
            yield from _counts(path + step, item, depth - 1)


def _items(value: Any) -> Iterator[tuple[str, Any]]:
    """What a container holds, each with the last step of its path."""
    if isinstance(value, (list, tuple)):
        if len(value) <= _LONGEST:
            yield from ((f"[{place}]", item) for place, item in enumerate(value))
    elif isinstance(value, MutableMapping):
        for key, item in value.items() if len(value) <= _LONGEST else ():
            if type(key) in (int, str) and not re.search(r"[\[\]]", str(key)):
                yield f"[{key!r}]", item
    elif _is_plain(value):
        yield from ((f".{name}", item) for name, item in vars(value).items() if name.isidentifier())


def _is_plain(value: Any) -> bool:
    """A settings object (dataclass, namespace, configuration) that copies as any object does."""
    kind = type(value)
    return (
        hasattr(value, "__dict__")
        and not isinstance(value, (type, nn.Module, Tensor))
        and not callable(value)
        and not kind.__module__.startswith(("torch", "builtins", "numpy", "functools"))
        and not hasattr(kind, "__deepcopy__")
        and not hasattr(kind, "__copy__")
    )


def _replaced(container: Any, steps: list[Any], value: int) -> Any:
    """A copy of nested containers with another number at the end of the path."""
    if not steps:
        return value
    step, rest = steps[0], steps[1:]
    if isinstance(container, (list, tuple)):
        changed = list(container)
        changed[step] = _replaced(changed[step], rest, value)
        named = hasattr(container, "_fields")  # a namedtuple takes its items one by one
        kind = type(container)
        return kind(*changed) if named else kind(changed)
    twin = copy.copy(container)
    if isinstance(container, MutableMapping):
        twin[step] = _replaced(container[step], rest, value)
    else:  # also a frozen dataclass
        object.__setattr__(twin, step, _replaced(getattr(container, step), rest, value))
    return twin
