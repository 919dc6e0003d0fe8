"""A network of about 3,400 operators: a longer Lite-HRNet (Yu et al., CVPR 2021) for segmentation.

Written from the paper for its size and its traffic – four resolutions, channel shuffles, weights
that cross resolutions – not to reproduce its accuracy.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

WIDTHS = (40, 80, 160, 320)
MODULES = {2: 4, 3: 11, 4: 4}
"""Branches -> modules of that stage; each has two blocks and a fusion."""


def conv(
    inner: int, outer: int, kernel: int, *, stride: int = 1, deep: bool = False
) -> list[nn.Module]:
    groups = inner if deep else 1
    layer = nn.Conv2d(inner, outer, kernel, stride, kernel // 2, groups=groups, bias=False)
    return [layer, nn.BatchNorm2d(outer)]


def separable(inner: int, outer: int, *, stride: int = 1) -> list[nn.Module]:
    return [*conv(inner, inner, 3, stride=stride, deep=True), *conv(inner, outer, 1)]


def shuffle(x: Tensor) -> Tensor:
    n, c, h, w = x.shape
    return x.view(n, 2, c // 2, h, w).transpose(1, 2).reshape(n, c, h, w)


class Gate(nn.Module):
    """Squeeze-and-excite over one resolution, `(N, C, H, W)`."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        hidden = max(4, channels // 4)
        self.layers = nn.Sequential(
            nn.AdaptiveAvgPool2d(1), nn.Conv2d(channels, hidden, 1), nn.ReLU(),
            nn.Conv2d(hidden, channels, 1), nn.Sigmoid(),
        )  # fmt: skip

    def forward(self, x: Tensor) -> Tensor:
        return x * self.layers(x)


class CrossGate(nn.Module):
    """Weights for every resolution, computed from all of them at the smallest one's size."""

    def __init__(self, widths: Sequence[int]) -> None:
        super().__init__()
        total = sum(widths)
        self.inner = nn.Sequential(*conv(total, total // 8, 1), nn.ReLU())
        self.outer = nn.ModuleList(
            nn.Sequential(*conv(total // 8, width, 1), nn.Sigmoid()) for width in widths
        )

    def forward(self, branches: list[Tensor]) -> list[Tensor]:
        size = branches[-1].shape[-2:]
        pooled = [F.adaptive_avg_pool2d(x, size) for x in branches[:-1]]
        mixed = self.inner(torch.cat([*pooled, branches[-1]], 1))
        gates = [
            F.interpolate(outer(mixed), x.shape[-2:])
            for outer, x in zip(self.outer, branches, strict=True)
        ]
        return [x * gate for x, gate in zip(branches, gates, strict=True)]


class Block(nn.Module):
    """Conditional channel weighting: one half of each branch passes, one is weighted; shuffled."""

    def __init__(self, widths: Sequence[int]) -> None:
        super().__init__()
        halves = [width // 2 for width in widths]
        self.cross = CrossGate(halves)
        self.deep = nn.ModuleList(
            nn.Sequential(*conv(half, half, 3, deep=True), Gate(half)) for half in halves
        )

    def forward(self, branches: list[Tensor]) -> list[Tensor]:
        pairs = [x.chunk(2, 1) for x in branches]
        weighted = self.cross([right for _, right in pairs])
        right = [deep(x) for deep, x in zip(self.deep, weighted, strict=True)]
        return [shuffle(torch.cat([pair[0], x], 1)) for pair, x in zip(pairs, right, strict=True)]


class Fusion(nn.Module):
    """Every resolution receives the sum of all."""

    def __init__(self, widths: Sequence[int]) -> None:
        super().__init__()
        self.paths = nn.ModuleList(
            nn.ModuleList(path(widths, source, target) for source in range(len(widths)))
            for target in range(len(widths))
        )

    def forward(self, branches: list[Tensor]) -> list[Tensor]:
        fused = []
        for paths, own in zip(self.paths, branches, strict=True):
            total = own
            for layers, x in zip(paths, branches, strict=True):
                if x is not own:
                    total = total + F.interpolate(layers(x), own.shape[-2:])
            fused.append(F.relu(total))
        return fused


def path(widths: Sequence[int], source: int, target: int) -> nn.Module:
    if source >= target:
        return nn.Sequential(*conv(widths[source], widths[target], 1))
    steps: list[nn.Module] = []
    for step in range(source, target):
        last = step == target - 1
        outer = widths[target] if last else widths[source]
        steps += separable(widths[source], outer, stride=2) + ([] if last else [nn.ReLU()])
    return nn.Sequential(*steps)


class LiteHRNet(nn.Module):
    """`(N, 3, H, W)` to logits `(N, 19, H, W)`."""

    def __init__(self) -> None:
        super().__init__()
        first = WIDTHS[0]
        self.stem = nn.Sequential(
            *conv(3, 32, 3, stride=2), nn.ReLU(), *separable(32, first, stride=2), nn.ReLU()
        )
        self.grow = nn.ModuleList(
            nn.Sequential(*separable(WIDTHS[n - 2], WIDTHS[n - 1], stride=2), nn.ReLU())
            for n in MODULES
        )
        self.stages = nn.ModuleList(
            nn.ModuleList(
                layer
                for _ in range(count)
                for layer in (Block(WIDTHS[:n]), Block(WIDTHS[:n]), Fusion(WIDTHS[:n]))
            )
            for n, count in MODULES.items()
        )
        self.head = nn.Sequential(*separable(sum(WIDTHS), 128), nn.ReLU(), nn.Conv2d(128, 19, 1))

    def forward(self, x: Tensor) -> Tensor:
        branches = [self.stem(x)]
        for grow, stage in zip(self.grow, self.stages, strict=True):
            branches = [*branches, grow(branches[-1])]
            for layer in stage:  # type: ignore[attr-defined]
                branches = layer(branches)
        size = branches[0].shape[-2:]
        logits = self.head(torch.cat([F.interpolate(b, size) for b in branches], 1))
        return F.interpolate(logits, x.shape[-2:], mode="bilinear", align_corners=False)
