"""Networks around one operator: what goes into it, and what reads its result."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

WIDTH, SIDE, CLASSES = 8, 6, 3
STATISTICS = ("mean", "var")
BRANCHES = ("c", "s", "C", "S")
"""A small letter: dropped channels are 0 where the operator reads them; a capital: they are 0.5.
c: a matrix with weights of its own reads the result; s: its channels are summed up."""

Function = Callable[..., Any]


class Apply(nn.Module):
    """A function of a tensor `(N, WIDTH, SIDE, SIDE)` and of parameters of the given shapes.

    A name that ends in `mean` or `var` becomes a buffer, as the statistics of a norm are. The
    channels of the result lie along its axis 1.
    """

    def __init__(self, function: Function, shapes: Mapping[str, tuple[int, ...]]):
        super().__init__()
        self.function, self.names = function, tuple(shapes)
        for name, shape in shapes.items():
            values = torch.randn(shape) / math.sqrt(max(1, math.prod(shape[1:])))
            if name.endswith(STATISTICS):
                self.register_buffer(name, values.abs() + 0.5)
            else:
                self.register_parameter(name, nn.Parameter(values))

    def forward(self, x: Tensor) -> Tensor:
        y = self.function(x, **{name: getattr(self, name) for name in self.names})
        assert isinstance(y, Tensor)
        return y.to(x.dtype)


class Branch(nn.Module):
    """convolution -> operator -> weighted or plain sum over channels."""

    def __init__(self, letter: str, function: Function, shapes: Mapping[str, tuple[int, ...]]):
        super().__init__()
        self.letter, self.operator = letter, Apply(function, shapes)
        self.a = nn.Conv2d(4, WIDTH, 3, padding=1)
        with torch.no_grad():
            shape = self.operator(torch.rand(2, WIDTH, SIDE, SIDE)).shape
        if self.letter in "cC":
            self.matrix = nn.Parameter(torch.randn(CLASSES, shape[1]))

    def forward(self, x: Tensor) -> Tensor:
        x = self.a(x)
        y = self.operator(x.sigmoid() if self.letter in "CS" else x)
        if self.letter in "cC":
            return F.linear(y.movedim(1, -1), self.matrix)
        return y.sum(1)


class Beside(nn.Module):
    """A stem that can always be pruned, and each branch behind it."""

    def __init__(self, case: Case, seed: int = 0):
        super().__init__()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.stem, self.side = nn.Conv2d(3, 4, 3, padding=1), nn.Conv2d(4, CLASSES, 1)
            self.branches = nn.ModuleDict(
                {f"{b}{b.isupper():d}": Branch(b, case.function, case.shapes) for b in BRANCHES}
            )
        self.eval()

    def forward(self, x: Tensor) -> list[Tensor]:
        x = self.stem(x).tanh()
        return [self.side(x), *(branch(x) for branch in self.branches.values())]


@dataclass(frozen=True, eq=False)
class Case:
    """One way to call an operator.

    Attributes:
        operator: its name in the rule table.
        note: what sets this call apart from others of the same operator.
        free: the branches in which channels can go.
        trials: whether the rule offers several meanings, which only trials tell apart.
    """

    operator: str
    note: str
    free: str
    function: Function = field(repr=False)
    shapes: Mapping[str, tuple[int, ...]] = field(default_factory=dict, repr=False)
    trials: bool = False

    def __str__(self) -> str:
        return f"{self.operator.removeprefix('aten.')}{f'[{self.note}]' if self.note else ''}"
