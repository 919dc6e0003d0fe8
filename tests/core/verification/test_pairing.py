"""Rounding may turn a comparison round: a part of an output differs then, in float32 alone.

SegNet places values where its pooling found the largest one. Which of two nearly equal values that
is may differ between a pruned network and its twin, for the two add in another order.
"""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

import segprune
from segprune.core.verification.verify import Violation

IMAGES = torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(0))


class Stepped(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.a, self.b = nn.Conv2d(3, 16, 3, padding=1), nn.Conv2d(16, 5, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.b(self.a(x).relu())


class Turned:
    """A forward in which the pruned network alone is off by a hundredth, as if by rounding."""

    def __init__(self, share: float, *types: torch.dtype) -> None:
        self.share, self.types = share, types

    def __call__(self, network: Stepped, x: Tensor) -> Tensor:
        y = network.b(network.a(x).relu())
        if network.a.out_channels == 16 or x.dtype not in self.types:
            return y
        rows = round(self.share * y.shape[2])
        return torch.cat([y[:, :, :rows] * 1.01, y[:, :, rows:]], 2)


def violations(
    monkeypatch: pytest.MonkeyPatch, share: float, *types: torch.dtype
) -> tuple[Violation, ...]:
    torch.manual_seed(0)
    network = Stepped().eval()
    plan = segprune.make_plan(network, IMAGES, scope={"a": 0.5})
    small = segprune.prune(network, plan)
    turned = Turned(share, *types)
    monkeypatch.setattr(Stepped, "forward", lambda self, x: turned(self, x))
    return segprune.verify(network, small, plan, IMAGES)


def test_a_part_that_differs_in_float32_alone_is_rounding(monkeypatch: pytest.MonkeyPatch) -> None:
    assert violations(monkeypatch, 0.25, torch.float32) == ()


@pytest.mark.parametrize(
    ("share", "types"),
    [
        (0.25, (torch.float32, torch.float64)),
        (0.25, (torch.float64,)),
        (0.75, (torch.float32,)),
        (1.0, (torch.float32,)),
    ],
)
def test_a_part_that_differs_in_float64_too_or_most_of_an_output_is_not(
    monkeypatch: pytest.MonkeyPatch, share: float, types: tuple[torch.dtype, ...]
) -> None:
    assert {found.kind for found in violations(monkeypatch, share, *types)} >= {"equality"}


# -- what an output holds ------------------------------------------------------------------------


def test_a_size_among_the_outputs_has_to_stay() -> None:
    class Counting(Stepped):
        def forward(self, x: Tensor) -> Any:
            y = self.a(x)
            return {"out": self.b(y), "width": y.shape[1]}

    model = Counting().eval()
    plan = segprune.make_plan(model, IMAGES)
    (found, *_) = segprune.verify(model, segprune.prune(model, plan), plan, IMAGES)
    assert "width: 16" in found.message


@pytest.mark.parametrize("shape", [(1,), (2, 5, 64, 64)])
def test_random_numbers_that_both_networks_draw_alike_prove_nothing(shape: tuple[int, ...]) -> None:
    class Noisy(Stepped):
        def forward(self, x: Tensor) -> Any:
            return self.b(self.a(x)) + torch.rand(shape)[: len(x)]

    model = Noisy().eval()
    plan = segprune.make_plan(model, IMAGES)
    found = segprune.verify(model, segprune.prune(model, plan), plan, IMAGES)
    assert ["random in evaluation mode" in violation.message for violation in found] == [True]
