"""BiSeNetV2: a wide shallow detail branch and a narrow deep semantic branch, each gating the other.

Yu et al., "BiSeNet V2: Bilateral Network with Guided Aggregation for Real-Time Semantic
Segmentation", IJCV 2021 (arXiv 2004.02147): the branches are table 1, the stem and the context
embedding figure 4, gather-and-expansion figure 5, the aggregation figure 6.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from segprune.models.blocks import (
    ConvBN,
    DepthwiseBN,
    PointwiseBN,
    SegmentationHead,
    aux_logits,
    bare_conv,
    init_weights,
    resize,
    resize_like,
    spatial_size,
)
from segprune.models.contract import SegmentationModel
from segprune.models.options import check_aux, check_num_classes, check_width, scaled

#: Detail branch at width 1: (channels, stride) of each convolution.
_DETAIL = ((64, 2), (64, 1), (64, 2), (64, 1), (128, 1), (128, 2), (128, 1), (128, 1))
#: Semantic branch at width 1: the stem, then (channels, number of blocks) of each stage.
_STEM = 16
_STEM_SQUEEZE = 8
_STAGES = ((32, 2), (64, 2), (128, 4))
#: Channel multiplier of the depthwise convolutions in gather-and-expansion.
_EXPANSION = 6
_HEAD = 128


class Stem(nn.Module):
    """``(N, 3, H, W)`` to ``(N, out_channels, H/4, W/4)``: convolution and pooling side by side."""

    def __init__(self, out_channels: int, squeeze_channels: int) -> None:
        super().__init__()
        self.entry = ConvBN(3, out_channels, stride=2)
        self.left = nn.Sequential(
            ConvBN(out_channels, squeeze_channels, kernel=1),
            ConvBN(squeeze_channels, out_channels, stride=2),
        )
        self.right = nn.MaxPool2d(3, stride=2, padding=1)
        self.mix = ConvBN(2 * out_channels, out_channels)

    def forward(self, x: Tensor) -> Tensor:
        x = self.entry(x)
        x = self.mix(torch.cat([self.left(x), self.right(x)], dim=1))
        return x


class GatherExpansion(nn.Module):
    """Gather-and-expansion of stride 1: ``(N, C, h, w)`` to the same shape."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        expanded = _EXPANSION * channels
        self.left = nn.Sequential(
            ConvBN(channels, channels),
            DepthwiseBN(channels, expanded),
            PointwiseBN(expanded, channels),
        )

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(x + self.left(x))


class GatherExpansionDown(nn.Module):
    """Gather-and-expansion of stride 2: ``(N, C, h, w)`` to ``(N, out_channels, h/2, w/2)``."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        expanded = _EXPANSION * in_channels
        self.left = nn.Sequential(
            ConvBN(in_channels, in_channels),
            DepthwiseBN(in_channels, expanded, stride=2),
            DepthwiseBN(expanded, expanded),
            PointwiseBN(expanded, out_channels),
        )
        self.right = nn.Sequential(
            DepthwiseBN(in_channels, in_channels, stride=2),
            PointwiseBN(in_channels, out_channels),
        )

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.left(x) + self.right(x))


class ContextEmbedding(nn.Module):
    """Adds the projected global average to every position; ``(N, C, h, w)`` to the same shape.

    Its batch norm sees one value per image and channel: in training mode a batch of one image is
    an error (torch says "Expected more than 1 value per channel").
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.bn = nn.BatchNorm2d(channels)
        self.project = ConvBN(channels, channels, kernel=1)
        self.mix = bare_conv(channels, channels, kernel=3)

    def forward(self, x: Tensor) -> Tensor:
        context = self.project(self.bn(F.adaptive_avg_pool2d(x, 1)))
        out: Tensor = self.mix(x + context)
        return out


class GuidedAggregation(nn.Module):
    """Bilateral guided aggregation: each branch gates the other, at stride 8 and at stride 32.

    ``detail (N, Cd, h, w)``, ``semantic (N, Cs, h/4, w/4)`` to ``(N, Cd, h, w)``.
    """

    def __init__(self, detail_channels: int, semantic_channels: int) -> None:
        super().__init__()
        self.detail_high = nn.Sequential(
            DepthwiseBN(detail_channels, detail_channels, relu=True),
            bare_conv(detail_channels, detail_channels),
        )
        self.detail_low = nn.Sequential(
            DepthwiseBN(detail_channels, detail_channels, stride=2, relu=True),
            nn.AvgPool2d(3, stride=2, padding=1),
        )
        self.semantic_high = ConvBN(semantic_channels, detail_channels)
        self.semantic_low = nn.Sequential(
            DepthwiseBN(semantic_channels, semantic_channels, relu=True),
            bare_conv(semantic_channels, detail_channels),
        )
        self.mix = ConvBN(detail_channels, detail_channels)

    def forward(self, detail: Tensor, semantic: Tensor) -> Tensor:
        detail_high = self.detail_high(detail)
        detail_low = self.detail_low(detail)
        semantic_high = resize_like(self.semantic_high(semantic), detail_high)
        semantic_low = self.semantic_low(semantic)
        high = detail_high * torch.sigmoid(semantic_high)
        # Both factors are at ceil(H/32): every stride-2 layer of either branch rounds upwards.
        low = detail_low * torch.sigmoid(semantic_low)
        out: Tensor = self.mix(high + resize_like(low, high))
        return out


def _stage(in_channels: int, out_channels: int, blocks: int) -> nn.Sequential:
    """One block of stride 2, then `blocks` - 1 of stride 1."""
    rest = (GatherExpansion(out_channels) for _ in range(blocks - 1))
    return nn.Sequential(GatherExpansionDown(in_channels, out_channels), *rest)


class BiSeNetV2(SegmentationModel):
    """BiSeNetV2; any input of at least 64x64 pixels; at least two images in training mode.

    `num_classes` is K, `aux` adds the four auxiliary heads, and `width` multiplies every hidden
    width (rule: `segprune.models.options.scaled`; a depthwise expansion is six times its scaled
    input). Raises `ModelError` for other values.
    """

    def __init__(self, num_classes: int = 19, aux: bool = True, *, width: float = 1.0) -> None:
        num_classes, aux, width = (
            check_num_classes(num_classes),
            check_aux(aux),
            check_width(width),
        )
        super().__init__()
        self.segprune_spec = {
            "name": "bisenetv2",
            "options": {"num_classes": num_classes, "aux": aux, "width": width},
        }
        detail = [scaled(channels, width) for channels, _ in _DETAIL]
        stem = scaled(_STEM, width)
        stages = [scaled(channels, width) for channels, _ in _STAGES]
        head = scaled(_HEAD, width)

        self.detail = nn.Sequential(
            *(
                ConvBN(in_channels, out_channels, stride=stride)
                for in_channels, out_channels, (_, stride) in zip(
                    [3, *detail[:-1]], detail, _DETAIL, strict=True
                )
            )
        )
        self.stem = Stem(stem, scaled(_STEM_SQUEEZE, width))
        self.stages = nn.ModuleList(
            _stage(in_channels, out_channels, blocks)
            for in_channels, out_channels, (_, blocks) in zip(
                [stem, *stages[:-1]], stages, _STAGES, strict=True
            )
        )
        self.context = ContextEmbedding(stages[-1])
        self.aggregation = GuidedAggregation(detail[-1], stages[-1])
        self.head = SegmentationHead(detail[-1], head, num_classes)
        self.aux_heads = nn.ModuleList(
            SegmentationHead(channels, head, num_classes)
            for channels in ((stem, *stages) if aux else ())
        )
        init_weights(self)

    def _features(self, x: Tensor) -> tuple[Tensor, tuple[Tensor, ...]]:
        """Aggregated features at stride 8, and the semantic branch's at 4, 8, 16 and 32."""
        detail = self.detail(x)
        semantic = [self.stem(x)]
        for stage in self.stages:
            semantic.append(stage(semantic[-1]))
        # The auxiliary head of stride 32 reads the stage before the context embedding.
        return self.aggregation(detail, self.context(semantic[-1])), tuple(semantic)

    def forward(self, x: Tensor) -> Tensor:
        """Logits ``(N, K, H, W)`` of images ``(N, 3, H, W)``."""
        features, _ = self._features(x)
        return resize(self.head(features), spatial_size(x))

    def forward_with_aux(self, x: Tensor) -> tuple[Tensor, tuple[Tensor, ...]]:
        """Logits and the four auxiliary logits, all resized to ``(N, K, H, W)``."""
        features, semantic = self._features(x)
        size = spatial_size(x)
        return resize(self.head(features), size), aux_logits(self.aux_heads, semantic, size)
