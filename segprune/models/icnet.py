"""ICNet: three scales of one image through branches of decreasing depth, fused in cascade.

Zhao et al., "ICNet for Real-Time Semantic Segmentation on High-Resolution Images", ECCV 2018
(arXiv 1704.08545): the network is figure 2, cascade feature fusion section 3.3 and figure 3.
The pyramid pooling module is that of PSPNet (Zhao et al., CVPR 2017, arXiv 1612.01105, figure 3).
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from segprune.models.blocks import (
    ConvBN,
    SegmentationHead,
    aux_logits,
    bare_conv,
    init_weights,
    resize,
    resize_like,
    spatial_size,
)
from segprune.models.contract import SegmentationModel
from segprune.models.options import (
    check_aux,
    check_choice,
    check_flag,
    check_num_classes,
    check_width,
    scaled,
)
from segprune.models.resnet import TRUNKS, DilatedResNet, layer_channels

#: Hidden widths at width 1.
_HIGH = (32, 64, 128)
_PYRAMID = 256
_FUSION = 128
_HEAD = 128
#: Output sizes of the pyramid's average pools, in cells per side.
_BINS = (1, 2, 4, 6)


class PyramidPooling(nn.Module):
    """Averages over 1, 4, 16 and 36 cells, projected, resized, concatenated with the input, mixed.

    ``(N, C, h, w)`` to ``(N, out_channels, h, w)``.
    """

    def __init__(self, in_channels: int, branch_channels: int, out_channels: int) -> None:
        super().__init__()
        self.branches = nn.ModuleList(bare_conv(in_channels, branch_channels) for _ in _BINS)
        self.mix = ConvBN(in_channels + len(_BINS) * branch_channels, out_channels, kernel=1)

    def forward(self, x: Tensor) -> Tensor:
        context = [
            resize_like(branch(F.adaptive_avg_pool2d(x, cells)), x)
            for cells, branch in zip(_BINS, self.branches, strict=True)
        ]
        out: Tensor = self.mix(torch.cat([x, *context], dim=1))
        return out


class CascadeFeatureFusion(nn.Module):
    """Adds a low-resolution branch, already at the size of the other, to a high-resolution one.

    ``low (N, Cl, h, w)``, ``high (N, Ch, h, w)`` to ``(N, out_channels, h, w)``.
    """

    def __init__(self, low_channels: int, high_channels: int, out_channels: int) -> None:
        super().__init__()
        self.low = ConvBN(low_channels, out_channels, dilation=2, relu=False)
        self.high = ConvBN(high_channels, out_channels, kernel=1, relu=False)

    def forward(self, low: Tensor, high: Tensor) -> Tensor:
        return F.relu(self.low(low) + self.high(high))


class ICNet(SegmentationModel):
    """ICNet with a dilated ResNet trunk; any input of at least 64x64 pixels.

    `num_classes` is K, `aux` adds the two auxiliary heads, `trunk` is "resnet18" or "resnet50",
    and `width` multiplies every hidden width (rule: `segprune.models.options.scaled`).

    Nothing after ``layer2`` is used of the 1/2 scale, yet the counted implementation runs its whole
    trunk there: 21.5 of its 38.4 GMACs at 512x1024 (45.1 of 71.2 with ResNet-50). `whole_trunk`
    True does the same, so that costs compare with published ones; False leaves it out. In
    evaluation mode the logits are the same, and so are the parameters.

    Raises `ModelError` for other values.
    """

    def __init__(
        self,
        num_classes: int = 19,
        aux: bool = True,
        *,
        trunk: str = "resnet18",
        width: float = 1.0,
        whole_trunk: bool = True,
    ) -> None:
        num_classes, aux = check_num_classes(num_classes), check_aux(aux)
        whole_trunk = check_flag("whole_trunk", whole_trunk)
        trunk, width = check_choice("trunk", trunk, TRUNKS), check_width(width)
        super().__init__()
        self.segprune_spec = {
            "name": "icnet",
            "options": {
                "num_classes": num_classes,
                "aux": aux,
                "trunk": trunk,
                "width": width,
                "whole_trunk": whole_trunk,
            },
        }
        self.whole_trunk = whole_trunk
        high = [scaled(channels, width) for channels in _HIGH]
        pyramid, fusion, head = (scaled(c, width) for c in (_PYRAMID, _FUSION, _HEAD))
        middle, deep = layer_channels(trunk, width, 2), layer_channels(trunk, width, 4)
        branch = scaled(layer_channels(trunk) // len(_BINS), width)

        # One trunk for two scales: pruning and training see each of its weights once.
        self.trunk = DilatedResNet(trunk, width)
        self.pyramid = PyramidPooling(deep, branch, pyramid)
        self.high = nn.Sequential(
            ConvBN(3, high[0], stride=2),
            ConvBN(high[0], high[1], stride=2),
            ConvBN(high[1], high[2], stride=2),
        )
        self.fuse_middle = CascadeFeatureFusion(pyramid, middle, fusion)
        self.fuse_high = CascadeFeatureFusion(fusion, high[2], fusion)
        self.head = SegmentationHead(fusion, head, num_classes)
        self.aux_heads = nn.ModuleList(
            SegmentationHead(channels, head, num_classes)
            for channels in ((pyramid, fusion) if aux else ())
        )
        init_weights(self)

    def _features(self, x: Tensor) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """Fused features at stride 8, and the resized low input of each fusion (16, 8)."""
        height, width = spatial_size(x)
        low = self.pyramid(self.trunk(resize(x, (height // 4, width // 4))))
        middle = self.trunk.to_layer2(resize(x, (height // 2, width // 2)))
        if self.whole_trunk:
            self.trunk.from_layer2(middle)
        high = self.high(x)
        low = resize_like(low, middle)
        fused = resize_like(self.fuse_middle(low, middle), high)
        return self.fuse_high(fused, high), (low, fused)

    def _logits(self, features: Tensor, size: tuple[int, int]) -> Tensor:
        height, width = spatial_size(features)
        return resize(self.head(resize(features, (2 * height, 2 * width))), size)

    def forward(self, x: Tensor) -> Tensor:
        """Logits ``(N, K, H, W)`` of images ``(N, 3, H, W)``."""
        features, _ = self._features(x)
        return self._logits(features, spatial_size(x))

    def forward_with_aux(self, x: Tensor) -> tuple[Tensor, tuple[Tensor, ...]]:
        """Logits and the auxiliary logits at strides 16 and 8, all resized to ``(N, K, H, W)``."""
        features, lows = self._features(x)
        size = spatial_size(x)
        return self._logits(features, size), aux_logits(self.aux_heads, lows, size)
