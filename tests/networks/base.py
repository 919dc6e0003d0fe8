"""What the other files build on: the block, and the network around a block."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from torch import Tensor, nn
from torch.nn import functional as F

WIDTH = 32  # what the literal blocks are written for


class ConvNormAct(nn.Sequential):
    def __init__(self, cin: int, cout: int, kernel: int = 3, stride: int = 1, groups: int = 1):
        conv = nn.Conv2d(cin, cout, kernel, stride, kernel // 2, groups=groups, bias=False)
        super().__init__(conv, nn.BatchNorm2d(cout), nn.ReLU())


class Block(nn.Module):
    watch: ClassVar[tuple[str, ...]] = ("conv.0",)

    def __init__(self, cin: int, cout: int):
        super().__init__()
        self.conv = ConvNormAct(cin, cout)

    def forward(self, x: Tensor) -> Tensor:
        return self.conv(x)


class Host(nn.Module):
    """stem -> block -> two convolutions -> classifier, resized to the input's size."""

    def __init__(self, block: Callable[[int, int], nn.Module], cin: int = WIDTH, cout: int = WIDTH):
        super().__init__()
        self.stem = ConvNormAct(3, cin, stride=2)
        self.block = block(cin, cout)
        self.body = nn.Sequential(ConvNormAct(cout, 40), ConvNormAct(40, 36))
        self.head = nn.Conv2d(36, 5, 1)

    def forward(self, x: Tensor) -> Tensor:
        y = self.head(self.body(self.block(self.stem(x))))
        return F.interpolate(y, size=x.shape[-2:], mode="bilinear", align_corners=False)
