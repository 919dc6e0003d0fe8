"""Counts that users' classes store in ways of their own, and buffers of eight bits."""

from __future__ import annotations

import collections

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

import segprune
from test_averaged_axes import Net, X


class Sized(nn.Module):
    """A head as users write it: what it calls its features is the size of its input."""

    def __init__(self) -> None:
        super().__init__()
        self.num_features = 16
        self.weight, self.bias = nn.Parameter(torch.randn(5, 16)), nn.Parameter(torch.zeros(5))

    def forward(self, x: Tensor) -> Tensor:
        return torch.einsum("nchw,oc->nohw", x, self.weight) + self.bias[:, None, None]


class KernelFirst(nn.Module):
    """A convolution whose weight lies as (k, k, in, out)."""

    def __init__(self) -> None:
        super().__init__()
        self.in_channels, self.out_channels, self.groups = 16, 5, 1
        self.weight = nn.Parameter(torch.randn(3, 3, 16, 5))

    def forward(self, x: Tensor) -> Tensor:
        return F.conv2d(x, self.weight.permute(3, 2, 0, 1), padding=1)


@pytest.mark.parametrize("kind", [Sized, KernelFirst])
def test_attributes_that_mean_something_else_are_left_alone(kind: type[nn.Module]) -> None:
    model = nn.Sequential(nn.Conv2d(3, 16, 1), kind())
    plan = segprune.make_plan(model, X, scope={"*": 0.5})
    small = segprune.prune(model, plan)
    assert not plan.is_empty
    for name, value in vars(model[1]).items():
        if type(value) is int:
            assert getattr(small[1], name) == value, name


class Asked(nn.Module):
    """Its counts are no attributes, but answers."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(16, 1, 3, 3))

    num_features = in_channels = groups = property(lambda self: len(self.weight))

    def forward(self, x: Tensor) -> Tensor:
        return F.conv2d(x, self.weight, padding=1, groups=self.groups)


def test_counts_that_are_properties_follow_by_themselves() -> None:
    model = nn.Sequential(nn.Conv2d(3, 16, 1), Asked(), nn.Conv2d(16, 5, 1))
    plan = segprune.make_plan(model, X, scope={"*": 0.5})
    small = segprune.prune(model, plan)
    assert segprune.verify(model, small, plan, X) == ()
    assert small[1].num_features == 8


Config = collections.namedtuple("Config", "width heads")


def test_counts_in_a_namedtuple_are_corrected() -> None:
    class Configured(Net):
        def __init__(self) -> None:
            super().__init__()
            self.config = Config(16, 1)

        def factor(self, x: Tensor) -> Tensor:
            return x.view(len(x), self.config.width, -1).view_as(x)

    model = Configured()
    plan = segprune.make_plan(model, X, scope={"*": 0.5})
    small = segprune.prune(model, plan)
    assert small.config == Config(8, 1)
    assert segprune.verify(model, small, plan, X) == ()


@pytest.mark.parametrize("dtype", [torch.float8_e4m3fn, torch.float8_e5m2])
def test_buffers_of_eight_bits_are_pruned(dtype: torch.dtype) -> None:
    class Small(Net):
        def __init__(self) -> None:
            super().__init__()
            self.register_buffer("scale", torch.linspace(1, 2, 16).to(dtype))

        def factor(self, x: Tensor) -> Tensor:
            return self.scale.float()[:, None, None]

    model = Small()
    plan = segprune.make_plan(model, X, scope={"*": 0.5})
    assert segprune.verify(model, segprune.prune(model, plan), plan, X) == ()
