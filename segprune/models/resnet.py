"""Dilated ResNet-18 and ResNet-50 trunks that stay at stride 8.

He et al., CVPR 2016 (arXiv 1512.03385), table 1, with the stride of a bottleneck in its 3x3
convolution. ``layer3`` and ``layer4`` keep stride 1; the first 3x3 convolution of each has
dilation 2 and 4 in place of the stride it lost.

Parameters are named as in torchvision's ResNets, so that at ``width=1.0`` their weights (without
``fc``) load as they are. Nothing is downloaded.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import ClassVar, NamedTuple

from torch import Tensor, nn

from segprune.models.options import scaled

#: Channels of the stem, and inner channels of the four layers, at width 1.
_STEM = 64
_PLANES = (64, 128, 256, 512)
_STRIDES = (1, 2, 1, 1)
_FIRST_DILATIONS = (1, 1, 2, 4)


def _conv3x3(in_channels: int, out_channels: int, stride: int, dilation: int) -> nn.Conv2d:
    return nn.Conv2d(
        in_channels, out_channels, 3, stride=stride, padding=dilation, dilation=dilation, bias=False
    )


def _shortcut(in_channels: int, out_channels: int, stride: int) -> nn.Sequential:
    conv = nn.Conv2d(in_channels, out_channels, 1, stride=stride, bias=False)
    return nn.Sequential(conv, nn.BatchNorm2d(out_channels))


class _Block(nn.Module):
    """A residual block: ``relu(residual(x) + shortcut(x))``; subclasses declare ``residual``."""

    expansion: ClassVar[int]
    relu: nn.ReLU
    downsample: nn.Module

    def __init__(self, in_channels: int, planes: int, stride: int, project: bool) -> None:
        super().__init__()
        self.relu = nn.ReLU()
        out_channels = planes * self.expansion
        self.downsample = _shortcut(in_channels, out_channels, stride) if project else nn.Identity()

    def residual(self, x: Tensor) -> Tensor:
        raise NotImplementedError(f"{type(self).__name__} does not define residual")

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.relu(self.residual(x) + self.downsample(x))
        return out


class BasicBlock(_Block):
    """Two 3x3 convolutions; ``(N, C, h, w)`` to ``(N, planes, h / stride, w / stride)``."""

    expansion = 1

    def __init__(
        self, in_channels: int, planes: int, stride: int, dilation: int, project: bool
    ) -> None:
        super().__init__(in_channels, planes, stride, project)
        self.conv1 = _conv3x3(in_channels, planes, stride, dilation)
        self.bn1 = nn.BatchNorm2d(planes)
        self.conv2 = _conv3x3(planes, planes, stride=1, dilation=1)
        self.bn2 = nn.BatchNorm2d(planes)

    def residual(self, x: Tensor) -> Tensor:
        out: Tensor = self.relu(self.bn1(self.conv1(x)))
        out = self.bn2(self.conv2(out))
        return out


class Bottleneck(_Block):
    """1x1, 3x3, 1x1 convolutions; ``(N, C, h, w)`` to ``(N, 4 planes, h / stride, w / stride)``."""

    expansion = 4

    def __init__(
        self, in_channels: int, planes: int, stride: int, dilation: int, project: bool
    ) -> None:
        super().__init__(in_channels, planes, stride, project)
        out_channels = planes * self.expansion
        self.conv1 = nn.Conv2d(in_channels, planes, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(planes)
        self.conv2 = _conv3x3(planes, planes, stride, dilation)
        self.bn2 = nn.BatchNorm2d(planes)
        self.conv3 = nn.Conv2d(planes, out_channels, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(out_channels)

    def residual(self, x: Tensor) -> Tensor:
        out: Tensor = self.relu(self.bn1(self.conv1(x)))
        out = self.relu(self.bn2(self.conv2(out)))
        out = self.bn3(self.conv3(out))
        return out


class _Variant(NamedTuple):
    block: type[BasicBlock] | type[Bottleneck]
    depths: tuple[int, int, int, int]


_VARIANTS = {
    "resnet18": _Variant(BasicBlock, (2, 2, 2, 2)),
    "resnet50": _Variant(Bottleneck, (3, 4, 6, 3)),
}

TRUNKS = tuple(_VARIANTS)


def layer_channels(trunk: str, width: float = 1.0, index: int = 4) -> int:
    """Output channels of ``layer1`` ... ``layer4`` (`index` 1 ... 4) of `trunk` at `width`."""
    return scaled(_PLANES[index - 1], width) * _VARIANTS[trunk].block.expansion


class DilatedResNet(nn.Module):
    """ResNet trunk without classifier: ``(N, 3, H, W)`` to ``(N, C4, ceil(H/8), ceil(W/8))``.

    `trunk` is one of `TRUNKS` (the caller has checked it) and `width` multiplies every width, by
    the rule of `segprune.models.options.scaled`; a bottleneck's outer width is four times its
    inner one.
    """

    def __init__(self, trunk: str, width: float = 1.0) -> None:
        super().__init__()
        stem = scaled(_STEM, width)
        self.conv1 = nn.Conv2d(3, stem, 7, stride=2, padding=3, bias=False)
        self.bn1 = nn.BatchNorm2d(stem)
        self.relu = nn.ReLU()
        self.maxpool = nn.MaxPool2d(3, stride=2, padding=1)
        inputs = (stem, *(layer_channels(trunk, width, index) for index in (1, 2, 3)))
        layers = [
            _layer(_VARIANTS[trunk], stage, in_channels, width)
            for stage, in_channels in enumerate(inputs)
        ]
        self.layer1, self.layer2, self.layer3, self.layer4 = layers

    def to_layer2(self, x: Tensor) -> Tensor:
        """Output of ``layer2``, ``(N, C2, ceil(H/8), ceil(W/8))``; nothing later is run."""
        x = self.maxpool(self.relu(self.bn1(self.conv1(x))))
        x = self.layer2(self.layer1(x))
        return x

    def from_layer2(self, x: Tensor) -> Tensor:
        """Output of ``layer4`` for an output of ``layer2``; the spatial size stays."""
        x = self.layer4(self.layer3(x))
        return x

    def forward(self, x: Tensor) -> Tensor:
        """Output of ``layer4``, ``(N, C4, ceil(H/8), ceil(W/8))``."""
        return self.from_layer2(self.to_layer2(x))


def _layer(variant: _Variant, stage: int, in_channels: int, width: float) -> nn.Sequential:
    """The blocks of layer ``stage + 1``; only the first changes stride, channels or dilation."""
    planes = scaled(_PLANES[stage], width)
    out_channels = planes * variant.block.expansion
    stride, dilation = _STRIDES[stage], _FIRST_DILATIONS[stage]
    # As published: every layer but the first projects its shortcut. (Asking whether the channels
    # differ would drop the projection at widths so small that rounding makes them equal.)
    project = stage > 0 or variant.block.expansion > 1
    blocks = OrderedDict({"0": variant.block(in_channels, planes, stride, dilation, project)})
    for index in range(1, variant.depths[stage]):
        blocks[str(index)] = variant.block(out_channels, planes, 1, 1, False)
    return nn.Sequential(OrderedDict[str, nn.Module](blocks))
