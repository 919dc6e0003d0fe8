"""What recording writes down: tensors, operator calls, and the user's line behind each."""

from __future__ import annotations

import linecache
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch._ops import OpOverload

__all__ = ["Node", "Program", "Source", "Value"]


@dataclass(frozen=True)
class Source:
    """A line of the user's code."""

    file: str
    line: int

    def __str__(self) -> str:
        text = linecache.getline(self.file, self.line).strip()
        return f"{Path(self.file).name}:{self.line}" + (f" `{text}`" if text else "")


@dataclass(eq=False)
class Value:
    """A tensor seen while recording.

    Attributes:
        index: position among the program's values.
        shape: sizes of its axes.
        state: the state-dict name if it is a parameter or a buffer.
        constant: the numbers of a tensor made by Python, or their digest; compared between runs.
        storage: identity of the memory it views; in-place operators reach all views of it.
    """

    index: int
    shape: tuple[int, ...]
    dtype: torch.dtype
    state: str | None = None
    constant: tuple[float, ...] | str | None = None
    storage: int = 0


@dataclass(eq=False)
class Node:
    """One operator call; tensors among its arguments are `Value`s."""

    index: int
    op: OpOverload
    name: str
    arguments: dict[str, Any]
    outputs: tuple[Value, ...]
    module: str
    source: Source | None
    in_place: bool

    def tensors(self) -> Iterator[Value]:
        """All tensor arguments, in order."""
        for argument in self.arguments.values():
            if isinstance(argument, Value):
                yield argument
            elif isinstance(argument, (list, tuple)):
                yield from (item for item in argument if isinstance(item, Value))


@dataclass
class Program:
    """What one method of the network did: its operators in order."""

    method: str
    training: bool
    nodes: list[Node] = field(default_factory=list)
    values: list[Value] = field(default_factory=list)
    inputs: list[Value] = field(default_factory=list)
    outputs: list[Value] = field(default_factory=list)
