"""Where rounding is not small, `verify` proves right plans, and still refuses wrong ones.

The networks subtract nearly equal numbers, or choose by steep attention. Float32 is then off by a
large share of what is computed; float64 is not, and decides.
"""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from core.verification.cases import BATCH_NORM, Case
from oracle import difference, run


class Net(nn.Module):
    """stem -> norm -> body -> `conditioned` -> head; many channels, so that sums round."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.norm = nn.Conv2d(3, 16, 3, padding=1), nn.BatchNorm2d(16)
        self.body, self.head = nn.Conv2d(16, 200, 1), nn.Conv2d(200, 5, 1)

    def conditioned(self, y: Tensor) -> Tensor:
        raise NotImplementedError

    def forward(self, x: Tensor) -> Any:
        y = self.body(F.relu(self.norm(self.stem(x))))
        return self.head(self.conditioned(F.avg_pool2d(y, 4)))


class Normalised(Net):
    """Three normalisations, each over activations that are constant but for a millionth."""

    def conditioned(self, y: Tensor) -> Tensor:
        for _ in range(3):
            y = F.instance_norm(1e4 * y.mean((2, 3), keepdim=True) + 1e-2 * y, eps=1e-12)
        return y


class Cancelling(Net):
    """What remains of a difference is a millionth of what was subtracted."""

    def conditioned(self, y: Tensor) -> Tensor:
        large = 1e6 * F.avg_pool2d(y, 3, 1, 1)
        return torch.tanh((large + y) - large)


class Choosing(Net):
    """Attention over pixels that takes one of several that are nearly equal."""

    gain, contrast = 1e5, 1e-2

    def conditioned(self, y: Tensor) -> Tensor:
        flat = y.flatten(2)
        nearly = self.contrast * flat + flat.mean(2, keepdim=True)
        scores = self.gain * (flat.transpose(1, 2) @ nearly)
        return (flat @ scores.softmax(-1).transpose(1, 2)).view_as(y)


class ChoosingSteeply(Choosing):
    """Which pixel is taken changes with the order in which channels are added up."""

    gain, contrast = 1e8, 1e-3


HEAD, BODY = {"head__weight": 1}, {"body__weight": 1}


@pytest.mark.parametrize("kind", [Normalised, Cancelling])
def test_rounding_in_single_precision_is_not_small_in_these_networks(kind: type[Net]) -> None:
    """A thousand times what it is in others, so that what follows tests something."""
    case = Case(kind())
    single = run(case.dense, case.x)
    double = run(case.dense.double(), case.x.double())
    assert difference(single.double(), double) > 1e-4


@pytest.mark.parametrize(
    ("kind", "seed"),
    [(Normalised, 0), (Cancelling, 0), (Choosing, 0), (Choosing, 2), (ChoosingSteeply, 2),
     (ChoosingSteeply, 3)],
)  # fmt: skip
def test_a_right_plan_is_proved(kind: type[Net], seed: int) -> None:
    assert Case(kind(), seed).found() == set()


@pytest.mark.parametrize(
    ("kind", "wrong"),
    [(Normalised, BATCH_NORM), (Cancelling, BODY), (ChoosingSteeply, HEAD),
     (ChoosingSteeply, BATCH_NORM)],
    ids=["normalised", "cancelling", "choosing-head", "choosing-norm"],
)  # fmt: skip
def test_a_wrong_plan_is_refused(kind: type[Net], wrong: dict[str, int]) -> None:
    assert "equality" in Case(kind()).found(**wrong)


# -- where only one precision or one size runs --------------------------------------------------


class OnLargeImages(Net):
    """A part that only images of the example's size reach: no small batch in float64 does."""

    def __init__(self) -> None:
        super().__init__()
        self.large = nn.Conv2d(16, 200, 1)

    def forward(self, x: Tensor) -> Any:
        a = F.avg_pool2d(F.relu(self.norm(self.stem(x))), 16)
        y = self.body(a)
        if x.shape[-2] * x.shape[-1] >= 160 * 160:
            much = 1e7 * F.avg_pool2d(self.large(a), 3, 1, 1)
            y = y + torch.tanh((much + self.large(a)) - much)
        return self.head(y)


def test_float64_decides_on_every_size() -> None:
    case = Case(OnLargeImages(), side=160)
    assert case.found() == set()
    assert "equality" in case.found(large__weight=1)


class OtherwiseInDouble(Net):
    """What the body computes is not used in float64, which says nothing of it."""

    def forward(self, x: Tensor) -> Any:
        y = self.body(F.relu(self.norm(self.stem(x))))
        return self.head(y * float(x.dtype == torch.float32)) + x.mean(1, keepdim=True)


def test_what_only_float32_runs_is_compared_in_it() -> None:
    case = Case(OtherwiseInDouble())
    assert "equality" in case.found(body__weight=1)


class ChoosingByChance(Choosing):
    """Rounding in float64 chooses the pixel, too."""

    gain, contrast = 1e17, 1e-12


def test_an_output_that_rounding_decides_is_called_so() -> None:
    """Such a difference could be a wrong slice or rounding: it is not called proved."""
    assert "degenerate" in Case(ChoosingByChance()).found(body__weight=1)
