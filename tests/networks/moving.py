"""Operators that move channels about: shuffles, cuts, concatenations."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .base import Block, ConvNormAct


class ShuffleByView(Block):
    def __init__(self, cin: int, cout: int):
        super().__init__(cin, cout)
        self.last = nn.Conv2d(cout, cout, 1)

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv(x)
        n, c, h, w = x.shape
        x = x.view(n, 2, c // 2, h, w).transpose(1, 2).contiguous().view(n, c, h, w)
        return self.last(x)


class ShuffleModule(Block):
    def __init__(self, cin: int, cout: int):
        super().__init__(cin, cout)
        self.shuffle, self.last = nn.ChannelShuffle(2), nn.Conv2d(cout, cout, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.last(self.shuffle(self.conv(x)))


class PixelShuffled(Block):
    watch = ("wide",)

    def __init__(self, cin: int, cout: int):
        super().__init__(cin, cout)
        self.wide, self.shuffle = nn.Conv2d(cout, 4 * cout, 3, 2, 1), nn.PixelShuffle(2)

    def forward(self, x: Tensor) -> Tensor:
        return self.shuffle(self.wide(self.conv(x)))


class PixelUnshuffled(Block):
    def __init__(self, cin: int, cout: int):
        super().__init__(cin, cout)
        self.last = nn.Conv2d(4 * cout, cout, 1)

    def forward(self, x: Tensor) -> Tensor:
        y = self.last(F.pixel_unshuffle(self.conv(x), 2))
        return F.interpolate(y, scale_factor=2.0)


class PatchMerging(Block):
    def __init__(self, cin: int, cout: int):
        super().__init__(cin, cout)
        self.last = nn.Conv2d(4 * cout, cout, 1)

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv(x)
        rows = torch.cat((x[:, :, 0::2], x[:, :, 1::2]), 1)
        y = self.last(torch.cat((rows[..., 0::2], rows[..., 1::2]), 1))
        return F.interpolate(y, scale_factor=2.0, mode="bilinear")


class Chunked(Block):
    def __init__(self, cin: int, cout: int):
        super().__init__(cin, 2 * cout)

    def forward(self, x: Tensor) -> Tensor:
        a, b = self.conv(x).chunk(2, dim=1)
        return a * torch.sigmoid(b)


class SplitByShape(Chunked):
    def forward(self, x: Tensor) -> Tensor:
        x = self.conv(x)
        a, b = torch.split(x, x.shape[1] // 2, dim=1)
        return F.relu(a) + torch.tanh(b)


class SlicedByShape(Chunked):
    def forward(self, x: Tensor) -> Tensor:
        x = self.conv(x)
        half = x.shape[1] // 2
        return torch.maximum(x[:, :half], x[:, half:])


class UnequalByShape(Block):
    watch = ()

    def __init__(self, cin: int, cout: int):
        super().__init__(cin, cout)
        self.last = nn.Conv2d(cout, cout, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv(x)
        part = x.shape[1] // 4
        a, b = x.split([part, x.shape[1] - part], dim=1)
        return self.last(torch.cat((F.relu(b), torch.tanh(a)), 1))


class SameTwice(Block):
    def __init__(self, cin: int, cout: int):
        super().__init__(cin, cout)
        self.last = nn.Conv2d(2 * cout, cout, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv(x)
        return self.last(torch.cat((x, x), dim=1))


class NestedConcat(Block):
    watch = ("conv.0", "a.0", "b.0")

    def __init__(self, cin: int, cout: int):
        super().__init__(cin, cout)
        self.a, self.b = ConvNormAct(cout, cout // 2 + 3), ConvNormAct(cout, cout // 2, 1)
        self.last = nn.Conv2d(2 * cout + 2 * (cout // 2) + 3, cout, 1)

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv(x)
        inner = torch.cat((self.b(x), x), dim=1)
        return self.last(torch.cat((self.a(x), inner, F.max_pool2d(x, 3, 1, 1)), dim=1))


class Unfolded(Block):
    watch = ()

    def __init__(self, cin: int, cout: int):
        super().__init__(cin, cout)
        self.last = nn.Conv2d(9 * cout, cout, 1)

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv(x)
        return self.last(F.unfold(x, 3, padding=1).view(x.shape[0], -1, *x.shape[2:]))


class Flipped(Block):
    watch = ()

    def __init__(self, cin: int, cout: int):
        super().__init__(cin, cout)
        self.last = nn.Conv2d(cout, cout, 1)
        self.register_buffer("order", torch.arange(cout - 1, -1, -1))

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv(x)
        return self.last(x.flip(1) + torch.roll(x, 1, 1) + x[:, self.order])
