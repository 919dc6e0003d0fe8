"""Parameters with more than one use."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .base import Block, ConvNormAct


class ModuleTwice(Block):
    """One module applied twice ties its inputs to its outputs."""

    watch = ("conv.0", "again")

    def __init__(self, cin: int, cout: int):
        super().__init__(cin, cout)
        self.again, self.last = nn.Conv2d(cout, cout, 3, padding=1), nn.Conv2d(cout, cout, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.last(F.relu(self.again(F.relu(self.again(self.conv(x))))))


class ParameterTwice(Block):
    """Two modules own the same weight."""

    watch = ("conv.0", "a", "b")

    def __init__(self, cin: int, cout: int):
        super().__init__(cin, cout)
        self.a, self.b = nn.Conv2d(cout, cout, 3, padding=1), nn.Conv2d(cout, cout, 3, padding=1)
        self.b.weight = self.a.weight
        self.last = nn.Conv2d(2 * cout, cout, 1)

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv(x)
        return self.last(torch.cat((F.relu(self.a(x)), self.b(x)), 1))


class TwoScales(Block):
    """One trunk at two scales, summed and concatenated."""

    watch = ("conv.0", "trunk.0.0", "trunk.1.0")

    def __init__(self, cin: int, cout: int):
        super().__init__(cin, cout)
        self.trunk = nn.Sequential(ConvNormAct(cout, cout), ConvNormAct(cout, cout))
        self.last = nn.Conv2d(2 * cout, cout, 1)

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv(x)
        low = self.trunk(F.interpolate(x, scale_factor=0.5, mode="bilinear"))
        low = F.interpolate(low, size=x.shape[-2:], mode="bilinear")
        return self.last(torch.cat((self.trunk(x), low), 1))


class DenseLayers(Block):
    """DenseNet: norm first, growing concatenation."""

    watch = ("conv.0", "a", "b")

    def __init__(self, cin: int, cout: int):
        super().__init__(cin, cout)
        self.n1, self.a = nn.BatchNorm2d(cout), nn.Conv2d(cout, cout // 2, 3, padding=1)
        wide = cout + cout // 2
        self.n2, self.b = nn.BatchNorm2d(wide), nn.Conv2d(wide, cout // 2, 3, padding=1)
        self.last = nn.Conv2d(wide + cout // 2, cout, 1)

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv(x)
        x = torch.cat((x, self.a(F.relu(self.n1(x)))), 1)
        x = torch.cat((x, self.b(F.relu(self.n2(x)))), 1)
        return self.last(x)
