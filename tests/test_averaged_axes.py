"""Channels on unusual axes, and zeros that are none: frozen where dropping them would be noticed.

Each network was pruned wrongly once. It is compared with its full-size twin both in evaluation mode
and in training mode, where a normalisation averages over what is kept.
"""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

import oracle
import segprune

X = torch.randn(2, 3, 16, 16, generator=torch.Generator().manual_seed(0))


class Net(nn.Module):
    """A layer whose channels are at stake, and a classifier that reads them scaled by `factor`."""

    def __init__(self, width: int = 16) -> None:
        super().__init__()
        self.a, self.head = nn.Conv2d(3, width, 3, padding=1), nn.Conv2d(width, 5, 1)

    def forward(self, x: Tensor) -> Any:
        x = self.a(x).relu()
        return self.head(x * self.factor(x))

    def factor(self, x: Tensor) -> Tensor:
        raise NotImplementedError


class ChannelAttention(Net):
    """UCTransNet: InstanceNorm over the matrix of similarities of channels."""

    def __init__(self) -> None:
        super().__init__()
        self.q, self.k, self.norm = nn.Conv2d(16, 16, 1), nn.Conv2d(16, 16, 1), nn.InstanceNorm2d(1)

    def factor(self, x: Tensor) -> Tensor:
        q, k = self.q(x).flatten(2), self.k(x).flatten(2)
        attention = self.norm((q @ k.transpose(1, 2))[:, None]).softmax(-1)[:, 0]
        return (attention @ x.flatten(2)).view_as(x)


class NormOfOneChannel(Net):
    """BatchNorm of one channel over all others, laid out as images of a batch."""

    def __init__(self, **options: Any) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(1, **options)

    def factor(self, x: Tensor) -> Tensor:
        return self.norm(x.reshape(-1, 1, *x.shape[2:])).reshape(x.shape)


class NormOfOneChannelThenSum(NormOfOneChannel):
    def factor(self, x: Tensor) -> Tensor:
        return super().factor(x).sum(1, keepdim=True)


class SqueezeAndNorm(Net):
    """Squeeze and excitation whose norm runs along the channels."""

    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.BatchNorm1d(1)

    def factor(self, x: Tensor) -> Tensor:
        return self.norm(x.mean((2, 3)).unsqueeze(1)).squeeze(1)[:, :, None, None].sigmoid()


class GroupNormOfOneChannel(Net):
    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.GroupNorm(1, 1)

    def factor(self, x: Tensor) -> Tensor:
        y = self.norm(x.reshape(-1, 1, *x.shape[2:])).reshape(x.shape)
        return y.sum(1, keepdim=True)


class ComputedAffine(Net):
    """AdaIN: scale and shift come from the image, and are not zero where a channel was dropped."""

    def __init__(self) -> None:
        super().__init__()
        self.g, self.h = nn.Linear(16, 16), nn.Linear(16, 16)

    def factor(self, x: Tensor) -> Tensor:
        z = x.mean((0, 2, 3))
        y = F.instance_norm(x, weight=self.g(z).sigmoid(), bias=self.h(z).exp())
        return y.sum(1, keepdim=True)


class ComputedShift(ComputedAffine):
    def factor(self, x: Tensor) -> Tensor:
        y = F.batch_norm(x, None, None, bias=self.h(x.mean((0, 2, 3))).exp(), training=True)
        return y.sum(1, keepdim=True)


class StretchedProduct(Net):
    """One matrix for all channels: zero in none of them because it is zero itself."""

    def __init__(self) -> None:
        super().__init__()
        self.m = nn.Conv2d(16, 1, 1)

    def factor(self, x: Tensor) -> Tensor:
        return (self.m(x) @ x.sigmoid()).sum(1, keepdim=True)


class PlacesOfZeros(Net):
    """A channel of zeros has an order, too: 0, 1, 2, …"""

    def factor(self, x: Tensor) -> Tensor:
        return x.argsort(2).float().sum(1, keepdim=True)


KINDS = (
    ChannelAttention, NormOfOneChannel, NormOfOneChannelThenSum, SqueezeAndNorm,
    GroupNormOfOneChannel, ComputedAffine, ComputedShift, StretchedProduct, PlacesOfZeros,
)  # fmt: skip


@pytest.mark.parametrize("training", [False, True], ids=["evaluation", "training"])
@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_the_pruned_network_is_its_twin_in_both_modes(kind: type[Net], training: bool) -> None:
    model = oracle.randomise(kind()).eval()
    plan = segprune.make_plan(model, X, scope={"*": 0.5}, importance="random")
    small, twin = segprune.prune(model, plan), oracle.twin(model, plan.kept)
    assert segprune.verify(model, small, plan, X) == ()
    with torch.no_grad():
        ours, theirs = (net.double().train(training)(X.double()) for net in (small, twin))
    assert oracle.difference(ours, theirs) < oracle.EXACT


def test_running_statistics_do_not_free_an_axis_that_training_averages_over() -> None:
    (found,) = segprune.trace(SqueezeAndNorm(), X).frozen
    assert "averages over this axis" in found.reason


@pytest.mark.parametrize("limit", [16, 9])
def test_code_that_asks_for_a_small_width_is_tried_with_one(limit: int) -> None:
    class Branching(Net):
        def factor(self, x: Tensor) -> Any:
            return 2 if x.shape[1] < limit else 1

    model = Branching(64)
    plan = segprune.make_plan(model, X, scope={"*": 0.12})
    assert segprune.verify(model, segprune.prune(model, plan), plan, X) == ()
