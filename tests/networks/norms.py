"""Activations and normalisation layers."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .base import Block


class PReLUOne(Block):
    def __init__(self, cin: int, cout: int):
        super().__init__(cin, cout)
        self.act = nn.PReLU()

    def forward(self, x: Tensor) -> Tensor:
        return self.act(self.conv[1](self.conv[0](x)))


class PReLUMany(PReLUOne):
    def __init__(self, cin: int, cout: int):
        super().__init__(cin, cout)
        self.act = nn.PReLU(cout)


class Nonzero(Block):
    """Activations that do not map zero to zero."""

    watch = ("conv.0", "mid")

    def __init__(self, cin: int, cout: int):
        super().__init__(cin, cout)
        self.mid, self.last = nn.Conv2d(cout, cout, 3, padding=1), nn.Conv2d(cout, cout, 3, 1, 1)

    def forward(self, x: Tensor) -> Tensor:
        y = torch.sigmoid(self.conv(x))
        return self.last(F.softplus(self.mid(y)) + 0.5)


class Normed(Block):
    def __init__(self, cin: int, cout: int):
        super().__init__(cin, cout)
        self.conv[1] = self.norm(cout)
        self.last = nn.Conv2d(cout, cout, 1)

    def norm(self, channels: int) -> nn.Module:
        return nn.BatchNorm2d(channels, track_running_stats=False)

    def forward(self, x: Tensor) -> Tensor:
        return self.last(self.conv(x))


class BatchNormPlain(Normed):
    def norm(self, channels: int) -> nn.Module:
        return nn.BatchNorm2d(channels, affine=False)


class BatchNormNoStatistics(Normed):
    pass


class InstanceNormAffine(Normed):
    def norm(self, channels: int) -> nn.Module:
        return nn.InstanceNorm2d(channels, affine=True)


class InstanceNormTracking(Normed):
    def norm(self, channels: int) -> nn.Module:
        return nn.InstanceNorm2d(channels, track_running_stats=True)


class GroupNormed(Normed):
    watch = ()  # whole groups or none

    def norm(self, channels: int) -> nn.Module:
        return nn.GroupNorm(math.gcd(channels, 8), channels)


class LayerNormMLP(Block):
    """ConvNeXt: the normalised width stays, the hidden width of the MLP goes."""

    watch = ("fc1",)

    def __init__(self, cin: int, cout: int):
        super().__init__(cin, cout)
        self.deep = nn.Conv2d(cout, cout, 3, padding=1, groups=cout)
        self.norm = nn.LayerNorm(cout)
        self.fc1, self.fc2 = nn.Linear(cout, 2 * cout), nn.Linear(2 * cout, cout)
        self.gamma = nn.Parameter(torch.full((cout,), 0.5))

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv(x)
        y = self.norm(self.deep(x).permute(0, 2, 3, 1))
        y = self.gamma * self.fc2(F.gelu(self.fc1(y)))
        return x + y.permute(0, 3, 1, 2)
