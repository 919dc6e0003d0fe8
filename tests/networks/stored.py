"""Code whose channel counts are stored in ways of its own, or left open with -1."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .base import Block


class SplitByList(Block):
    """MixConv: the parts' widths are a list."""

    watch = ("conv.0", "a", "b")

    def __init__(self, cin: int, cout: int):
        super().__init__(cin, cout)
        self.widths = [cout // 4, cout // 4, cout // 2]
        self.a, self.b = nn.Conv2d(cout // 4, cout, 3, 1, 1), nn.Conv2d(cout // 2, cout, 1)

    def forward(self, x: Tensor) -> Tensor:
        a, b, c = torch.split(self.conv(x), self.widths, 1)
        return self.a(a) + self.a(b) + self.b(c)


class SplitByTuple(Block):
    """InceptionNeXt: parts go through operators of their own and are joined again."""

    def __init__(self, cin: int, cout: int):
        super().__init__(cin, cout)
        part = cout // 8
        self.parts, self.last = (cout - 3 * part, part, part, part), nn.Conv2d(cout, cout, 1)
        self.tall = nn.Conv2d(part, part, (5, 1), padding=(2, 0), groups=part)
        self.wide = nn.Conv2d(part, part, (1, 5), padding=(0, 2), groups=part)

    def forward(self, x: Tensor) -> Tensor:
        same, tall, wide, low = self.conv(x).split(self.parts, 1)
        low = F.avg_pool2d(low, 3, 1, 1)
        return self.last(torch.cat((same, self.tall(tall), self.wide(wide), low), 1))


class SplitByTwoCounts(Block):
    """FasterNet: one part's width is a difference of two counts."""

    def __init__(self, cin: int, cout: int):
        super().__init__(cin, cout)
        self.part, self.width = cout // 4, cout
        self.mixed, self.last = nn.Conv2d(cout // 4, cout // 4, 3, 1, 1), nn.Conv2d(cout, cout, 1)

    def forward(self, x: Tensor) -> Tensor:
        first, rest = torch.split(self.conv(x), [self.part, self.width - self.part], 1)
        first = self.mixed(first)
        first = first.reshape(first.shape[0], self.part, *first.shape[2:])
        return self.last(torch.cat((first, rest), 1))


@dataclass(frozen=True)
class Settings:
    """What a configuration file says of a block."""

    widths: dict[str, list[int]]
    whole: int


class Parted(nn.Module):
    """Is given the widths by the module around it."""

    def forward(self, x: Tensor, widths: list[int]) -> Tensor:
        a, b = x.split(widths, dim=1)
        return torch.cat((b.tanh(), a), 1)


class CountsInSettings(Block):
    """The counts lie in an object, and another module than their owner uses them."""

    def __init__(self, cin: int, cout: int):
        super().__init__(cin, cout)
        self.settings = Settings({"parts": [cout // 4, 3 * cout // 4]}, cout)
        self.parted, self.last = Parted(), nn.Conv2d(cout, cout, 1)

    def forward(self, x: Tensor) -> Tensor:
        y = self.parted(self.conv(x), self.settings.widths["parts"])
        return self.last(y.view(y.shape[0], self.settings.whole, -1).view_as(y))


class SizeEqualToTheWidth(Block):
    """Two equal numbers: only one of them counts channels."""

    def __init__(self, cin: int, cout: int):
        super().__init__(cin, cout)
        self.side, self.width = cout, cout
        self.last = nn.Conv2d(cout, cout, 1)

    def forward(self, x: Tensor) -> Tensor:
        y = F.interpolate(self.conv(x), size=(self.side, self.side))
        y = y.view(len(y), self.width, self.side * self.side)
        y = self.last(y.view(len(y), self.width, self.side, self.side))
        return F.interpolate(y, size=x.shape[-2:])


class WidthEqualToTheSize(SizeEqualToTheWidth):
    """The same with the attributes in the other order."""

    def __init__(self, cin: int, cout: int):
        super().__init__(cin, cout)
        del self.side
        self.side = cout


class HeadsOfEight(Block):
    """EfficientViT: the width of a head is the literal, their number is left open."""

    watch = ("conv.0", "q")

    def __init__(self, cin: int, cout: int):
        super().__init__(cin, cout)
        self.q, self.k, self.v = (nn.Conv2d(cout, cout, 1, bias=False) for _ in range(3))
        self.last = nn.Conv2d(cout, cout, 1)

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv(x)
        n, _, h, w = x.shape
        q, k, v = (f(x).view(n, -1, 8, h * w) for f in (self.q, self.k, self.v))
        y = F.relu(q).transpose(2, 3) @ (F.relu(k) @ v.transpose(2, 3))
        return x + self.last(y.transpose(2, 3).reshape(n, -1, h, w))


class HeadsJoinedFirst(Block):
    """The same over queries, keys and values that are cut from one tensor, head by head."""

    watch = ("conv.0", "qkv")

    def __init__(self, cin: int, cout: int):
        super().__init__(cin, cout)
        self.width, self.qkv = 8, nn.Conv2d(cout, 3 * cout, 1, bias=False)
        self.mixed = nn.Conv2d(3 * cout, 3 * cout, 1, groups=3 * cout // 8, bias=False)
        self.last = nn.Conv2d(2 * cout, cout, 1)

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv(x)
        n, _, h, w = x.shape
        qkv = self.qkv(x)
        every = torch.cat((qkv, self.mixed(qkv)), 1).reshape(n, -1, 3 * self.width, h * w)
        q, k, v = every.transpose(-1, -2).chunk(3, -1)
        y = F.relu(q) @ (F.relu(k).transpose(-1, -2) @ v)
        return x + self.last(y.transpose(-1, -2).reshape(n, -1, h, w))


class GatesOfTwo(Block):
    """Two gates a channel, side by side: only the channels may go."""

    watch = ("conv.0", "gate")

    def __init__(self, cin: int, cout: int):
        super().__init__(cin, cout)
        self.gate, self.other = nn.Conv2d(cout, 2 * cout, 1), nn.Conv2d(cout, cout, 3, 1, 1)

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv(x)
        gates = self.gate(x.mean((2, 3), keepdim=True)).view(x.shape[0], -1, 2).softmax(-1)
        return x * gates[..., 0, None, None] + self.other(x) * gates[..., 1, None, None]


class SlopesByCount(Block):
    """Dynamic ReLU: slopes and offsets of every channel; here the width is stored."""

    watch = ("conv.0", "slopes")

    def __init__(self, cin: int, cout: int):
        super().__init__(cin, cout)
        self.width, self.pieces = cout, 2
        self.slopes = nn.Linear(cout, 2 * self.pieces * cout)

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv(x)
        theta = self.slopes(x.mean((2, 3))).view(-1, self.width, 2 * self.pieces).sigmoid()
        pieces = x.unsqueeze(-1) * theta[:, :, None, None, : self.pieces]
        return (pieces + theta[:, :, None, None, self.pieces :]).max(-1).values


class GroupsByHand(Block):
    """Group normalisation written out: whole groups go, and their number is stored."""

    def __init__(self, cin: int, cout: int):
        super().__init__(cin, cout)
        self.groups, self.last = 8, nn.Conv2d(cout, cout, 1)

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv(x)
        y = x.view(x.shape[0], self.groups, -1)
        y = (y - y.mean(2, keepdim=True)) / (y.var(2, keepdim=True) + 1e-5).sqrt()
        return self.last(y.view(x.shape))
