"""What changes no output is not called proved: dead units, outputs that stay as they are.

Each network is pruned rightly, and by a plan in which some tensor keeps its slots one further on.
The right one is proved, the wrong one is not; both have the shapes that their plan asks for.
"""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from core.verification.cases import BATCH_NORM, Case, Net

# -- dead units, equal slots ---------------------------------------------------------------------


class DeadBehindASkip(Net):
    """A whole branch is dead on every image; what goes past it is not."""

    dead = slice(None)

    def forward(self, x: Tensor) -> Any:
        b = self.body(F.relu(self.norm(self.stem(x))))
        shift = torch.zeros(b.shape[1], 1, 1, dtype=b.dtype)
        shift[self.dead] = 1000.0
        return self.head(F.relu(b - shift)) + x.mean(1, keepdim=True)


class AllDead(DeadBehindASkip):
    def forward(self, x: Tensor) -> Any:
        return super().forward(x) - x.mean(1, keepdim=True)


class HalfDead(Net):
    """Dead units of the branch whose slots are cut wrongly, live ones beside them."""

    def __init__(self) -> None:
        super().__init__()
        self.other = nn.Conv2d(3, 24, 3, padding=1)

    def forward(self, x: Tensor) -> Any:
        b = F.relu6(self.body(F.relu(self.norm(self.stem(x)))) - 1000.0)
        return self.head(b + F.relu(self.other(x)))


@pytest.mark.parametrize("kind", [DeadBehindASkip, AllDead, HalfDead])
def test_slices_behind_dead_units_are_compared(kind: type[nn.Module]) -> None:
    case = Case(kind())
    assert case.found() == set()
    assert "equality" in case.found(**BATCH_NORM)


class Multiplied(Net):
    """Nothing of the branch arrives, whatever it computes."""

    def forward(self, x: Tensor) -> Any:
        _, y = self.features(x)
        return y * 0 + x.mean(1, keepdim=True)


def test_tensors_that_change_no_output_are_not_proved() -> None:
    assert "degenerate" in Case(Multiplied()).found()


class Thrown(Net):
    """An encoder whose last stage is computed and not used."""

    def forward(self, x: Tensor) -> Any:
        a, y = self.features(x)
        self.aux(a)
        return y


def test_a_layer_whose_result_is_thrown_away_is_no_reason_to_refuse() -> None:
    assert Case(Thrown()).found() == set()


# -- outputs that say nothing --------------------------------------------------------------------


class Also(Net):
    """The logits, and what `other` makes of the branch that is dead for every input."""

    def other(self, b: Tensor) -> Tensor:
        raise NotImplementedError

    def forward(self, x: Tensor) -> Any:
        a, y = self.features(x)
        return y, self.other(self.aux(a) * 0)


class AlsoNumbers(Also):
    def other(self, b: Tensor) -> Tensor:
        return b + torch.arange(5).view(1, 5, 1, 1)


class AlsoOneChannel(Also):
    def other(self, b: Tensor) -> Tensor:
        return torch.cat((b[:, :1], b[:, 1:] + torch.rand_like(b[:, 1:]) * 0), 1)


class AlsoNothing(Also):
    def other(self, b: Tensor) -> Tensor:
        return b[:, :0]


class Classes(Net):
    def forward(self, x: Tensor) -> Any:
        return (self.features(x)[1] * 0).argmax(1)


class Truth(Net):
    def forward(self, x: Tensor) -> Any:
        return self.features(x)[1] * 0 > -1


class OnlySingle(Net):
    """Written for float32; the last layer's answer is its bias."""

    def forward(self, x: Tensor) -> Any:
        if x.dtype != torch.float32:
            raise TypeError("float32 only")
        _, y = self.features(x)
        return y * 0 + self.head.bias[:, None, None]


class OnlyInTraining(Net):
    def forward(self, x: Tensor) -> Any:
        a, y = self.features(x)
        return (y, self.aux(a) * 0) if self.training else y


class OfAMethod(Net):
    traced_methods = ("forward", "forward_with_aux")

    def forward(self, x: Tensor) -> Any:
        return self.features(x)[1]

    def forward_with_aux(self, x: Tensor) -> Any:
        a, y = self.features(x)
        return y, self.aux(a) * 0


@pytest.mark.parametrize(
    "kind",
    [
        AlsoNumbers, AlsoOneChannel, AlsoNothing, Classes, Truth, OnlySingle, OnlyInTraining,
        OfAMethod,
    ],
)  # fmt: skip
def test_an_output_that_is_the_same_for_every_input_proves_nothing(kind: type[nn.Module]) -> None:
    assert "degenerate" in Case(kind()).found()


class WithAGrid(Net):
    """Coordinates, sizes, an empty placeholder, and a logit that is fixed: no channel made them."""

    def __init__(self) -> None:
        super().__init__()
        self.void = nn.Parameter(torch.zeros(1))

    def forward(self, x: Tensor) -> Any:
        _, y = self.features(x)
        void = self.void.view(1, 1, 1, 1).expand(len(y), 1, *y.shape[-2:])
        fixed = torch.zeros_like(void)
        grid = torch.linspace(0, 1, y.shape[-1])
        sizes = torch.tensor(y.shape[-2:])
        return torch.cat((fixed, y, void), 1), grid, sizes, torch.empty(0)


class ArgmaxToo(Net):
    def forward(self, x: Tensor) -> Any:
        a, y = self.features(x)
        return y, self.aux(a).argmax(1)


class ClassesAlone(Net):
    def forward(self, x: Tensor) -> Any:
        return self.features(x)[1].argmax(1)


@pytest.mark.parametrize("kind", [WithAGrid, ArgmaxToo, ClassesAlone])
def test_constants_that_no_channel_made_and_whole_numbers_are_proved(kind: type[nn.Module]) -> None:
    case = Case(kind())
    assert case.found() == set()
    assert "equality" in case.found(**BATCH_NORM)


def test_a_wrong_slice_behind_whole_numbers_is_seen() -> None:
    assert "equality" in Case(ArgmaxToo()).found(aux__weight=1)
