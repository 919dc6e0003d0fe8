"""From which stored counts the numbers come that the user's code hands to operators.

Every stored count of a private copy is replaced by an equal integer that remembers its origin,
also through sums and products, and the network runs once more. Calls of torch are seen as Python
makes them, with those integers still among the arguments.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import nn
from torch._ops import OpOverload
from torch.overrides import TorchFunctionMode

from segprune.core.execution import preserve_global_state, run_method
from segprune.core.stored import counts_of, set_count
from segprune.core.tracing.dispatch import Interpreter, bind
from segprune.core.tracing.ir import Program

__all__ = ["Key", "Origins", "origins_of"]

Key = tuple[str, str]
"""(module path, path of the stored count in it)."""

_Set = frozenset[Key]
_NONE: _Set = frozenset()


@dataclass(frozen=True)
class Origins:
    """The stored counts behind one operator call.

    Attributes:
        elements: argument -> stored counts behind each of its numbers, by position.
        every: all stored counts that the user's call was given.
    """

    elements: dict[str, tuple[_Set, ...]] = field(default_factory=dict)
    every: _Set = _NONE


class _Traced(int):
    """An integer that remembers the stored counts it was computed from."""

    origins: _Set

    def __reduce__(self) -> tuple[Any, ...]:
        return int, (int(self),)


def _traced(value: int, origins: _Set) -> _Traced:
    result = _Traced(value)
    result.origins = origins
    return result


def _remembering(name: str) -> Callable[..., Any]:
    plain = getattr(int, name)

    def operator(self: _Traced, *others: Any) -> Any:
        result = plain(self, *others)
        if type(result) is not int:
            return result
        return _traced(result, self.origins.union(*(getattr(o, "origins", ()) for o in others)))

    return operator


for _name in ("add", "sub", "mul", "floordiv", "mod", "lshift", "rshift"):
    setattr(_Traced, f"__{_name}__", _remembering(f"__{_name}__"))
    setattr(_Traced, f"__r{_name}__", _remembering(f"__r{_name}__"))
for _name in ("neg", "abs", "pos"):
    setattr(_Traced, f"__{_name}__", _remembering(f"__{_name}__"))


class _Calls(TorchFunctionMode):
    """Holds the numbers among the arguments of the call of torch that is running."""

    def __init__(self) -> None:
        super().__init__()
        self.numbers: list[int] = []

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        self.numbers = list(_numbers((args, kwargs)))
        try:
            return func(*args, **(kwargs or {}))
        finally:
            self.numbers = []


def _numbers(item: Any) -> Iterator[int]:
    if isinstance(item, (list, tuple)):
        for part in item:
            yield from _numbers(part)
    elif isinstance(item, dict):
        yield from _numbers(tuple(item.values()))
    elif isinstance(item, slice):
        yield from _numbers((item.start, item.stop, item.step))
    elif isinstance(item, int) and not isinstance(item, bool):
        yield item


class _Follower(Interpreter):
    """Notes the origins of every operator's numbers, as long as the calls are those recorded."""

    def __init__(self, program: Program, calls: _Calls, understood: Callable[[str], bool]) -> None:
        super().__init__(understood)
        self._program, self._calls = program, calls
        self.position = 0
        self.found: dict[int, Origins] = {}

    def step(self, op: OpOverload, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        node = self._program.nodes[self.position]
        if node.op is not op:
            raise RuntimeError(f"{op} instead of {node.op}")
        self.position += 1
        numbers = self._calls.numbers
        every = _NONE.union(*(getattr(number, "origins", ()) for number in numbers))
        if every:
            elements = {
                name: _aligned(tuple(_numbers(argument)), numbers)
                for name, argument in bind(op, args, kwargs).items()
                if isinstance(argument, (int, list, tuple))
            }
            self.found[node.index] = Origins(elements, every)
        return self.call(op, args, kwargs)


def _aligned(values: tuple[int, ...], numbers: list[int]) -> tuple[_Set, ...]:
    """Origins of an argument's numbers: found in a row among the call's, else one by one."""
    for start in range(len(numbers) - len(values) + 1) if len(values) > 1 else ():
        row = numbers[start : start + len(values)]
        if tuple(row) == values:
            return tuple(frozenset(getattr(number, "origins", _NONE)) for number in row)
    return tuple(
        _NONE.union(*(getattr(number, "origins", ()) for number in numbers if number == value))
        for value in values
    )


def origins_of(
    copy: nn.Module, inputs: Any, program: Program, understood: Callable[[str], bool]
) -> dict[int, Origins]:
    """Node of the record -> the stored counts behind its numbers; {} where they cannot be followed.

    Args:
        copy: a private dense copy, in the mode in which `program` was recorded; it is changed.
        inputs: private inputs as they were recorded.
    """
    for name, module in copy.named_modules():
        for path, value in counts_of(module).items():
            set_count(module, path, _traced(value, frozenset({(name, path)})))
    calls = _Calls()
    follower = _Follower(program, calls, understood)
    with preserve_global_state(), torch.inference_mode():
        try:
            with calls, follower:
                run_method(copy, program.method, inputs)
        except Exception:  # code that looks at the type of a number; what was found holds
            pass
    return follower.found
