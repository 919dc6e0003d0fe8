"""Convolutions: biased, factorised, depthwise, grouped, transposed."""

from __future__ import annotations

import math

from torch import Tensor, nn
from torch.nn import functional as F

from .base import Block


class Plain(Block):
    pass


class Biased(Block):
    watch = ("a", "b")

    def __init__(self, cin: int, cout: int):
        super().__init__(cin, cout)
        self.a, self.b = nn.Conv2d(cout, cout, 3, padding=1), nn.Conv2d(cout, cout, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.b(F.gelu(self.a(self.conv(x))))


class Factorised(Block):
    watch = ("down", "across")

    def __init__(self, cin: int, cout: int):
        super().__init__(cin, cout)
        self.down = nn.Conv2d(cout, cout, (3, 1), padding="same", dilation=(2, 1))
        self.across = nn.Conv2d(cout, cout, (1, 3), padding=(0, 1), padding_mode="reflect")

    def forward(self, x: Tensor) -> Tensor:
        return F.leaky_relu(self.across(F.hardswish(self.down(self.conv(x)))))


class Depthwise(Block):
    watch = ("conv.0", "deep")

    def __init__(self, cin: int, cout: int):
        super().__init__(cin, cout)
        self.deep = nn.Conv2d(cout, cout, 3, padding=1, groups=cout, bias=False)
        self.norm = nn.BatchNorm2d(cout)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu6(self.norm(self.deep(self.conv(x))))


class DepthwiseMultiplier(Block):
    watch = ("conv.0", "deep")

    def __init__(self, cin: int, cout: int):
        super().__init__(cin, cout)
        self.deep = nn.Conv2d(cout, 3 * cout, 3, padding=1, groups=cout, bias=False)
        self.norm, self.point = nn.BatchNorm2d(3 * cout), nn.Conv2d(3 * cout, cout, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.point(F.relu(self.norm(self.deep(self.conv(x)))))


class Grouped(Block):
    watch = ("conv.0", "mixed")
    groups = 4

    def __init__(self, cin: int, cout: int):
        super().__init__(cin, cout)
        groups = math.gcd(cout, self.groups) if self.groups else cout // 4
        self.mixed = nn.Conv2d(cout, cout, 3, padding=1, groups=groups)
        self.last = nn.Conv2d(cout, cout, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.last(F.relu(self.mixed(self.conv(x))))


class GroupsOfFour(Grouped):
    watch = ()  # four channels a group: the floor may hold them
    groups = 0


class Transposed(Block):
    watch = ("conv.0", "up")

    def __init__(self, cin: int, cout: int):
        super().__init__(cin, cout)
        self.up = nn.ConvTranspose2d(cout, cout, 4, stride=2, padding=1)
        self.norm = nn.BatchNorm2d(cout)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.norm(self.up(F.avg_pool2d(self.conv(x), 2))))


class TransposedDepthwise(Transposed):
    def __init__(self, cin: int, cout: int):
        super().__init__(cin, cout)
        self.up = nn.ConvTranspose2d(cout, cout, 2, stride=2, groups=cout, bias=False)


class TransposedGrouped(Transposed):
    def __init__(self, cin: int, cout: int):
        super().__init__(cin, cout)
        self.up = nn.ConvTranspose2d(cout, cout, 2, stride=2, groups=2)
