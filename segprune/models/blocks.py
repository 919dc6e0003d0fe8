"""Building blocks that both networks use: convolution with batch norm, resizing, heads.

Nothing here keeps a channel count outside its layers, works in place, or branches on
``training``: the layers' own tensors are the only description of a network's widths, so that
surgery which replaces those tensors leaves no stale copy behind.
"""

from __future__ import annotations

from collections import OrderedDict

import torch.nn.functional as F
from torch import Tensor, nn


class ConvBN(nn.Sequential):
    """Convolution, batch norm and (unless ``relu=False``) ReLU: children conv, bn, relu.

    The padding is ``dilation * (kernel - 1) // 2``, hence an input of height ``H`` gives
    ``ceil(H / stride)``, whatever ``H`` is: branches of equal stride always meet at equal sizes.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel: int = 3,
        *,
        stride: int = 1,
        dilation: int = 1,
        groups: int = 1,
        bias: bool = False,
        relu: bool = True,
    ) -> None:
        layers: OrderedDict[str, nn.Module] = OrderedDict()
        layers["conv"] = nn.Conv2d(
            in_channels,
            out_channels,
            kernel,
            stride=stride,
            padding=dilation * (kernel - 1) // 2,
            dilation=dilation,
            groups=groups,
            bias=bias,
        )
        layers["bn"] = nn.BatchNorm2d(out_channels)
        if relu:
            layers["relu"] = nn.ReLU()
        super().__init__(layers)


class DepthwiseBN(ConvBN):
    """Depthwise 3x3 convolution and batch norm; ReLU only on demand.

    ``out_channels`` may be a multiple of ``in_channels`` (a channel multiplier).
    """

    def __init__(
        self, in_channels: int, out_channels: int, *, stride: int = 1, relu: bool = False
    ) -> None:
        super().__init__(in_channels, out_channels, stride=stride, groups=in_channels, relu=relu)


class PointwiseBN(ConvBN):
    """1x1 convolution with bias and batch norm, no ReLU."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        # The bias in front of a batch norm has no effect on the function; it is declared because
        # the published counts hold it.
        super().__init__(in_channels, out_channels, kernel=1, bias=True, relu=False)


def bare_conv(in_channels: int, out_channels: int, kernel: int = 1) -> nn.Conv2d:
    """Convolution of stride 1 without bias, batch norm or ReLU."""
    return nn.Conv2d(in_channels, out_channels, kernel, padding=(kernel - 1) // 2, bias=False)


class SegmentationHead(nn.Sequential):
    """3x3 convolution with batch norm and ReLU, then 1x1 to the classes; children mix, classify.

    Maps ``(N, C, h, w)`` to logits ``(N, K, h, w)``; main and auxiliary heads alike.
    """

    def __init__(self, in_channels: int, mid_channels: int, num_classes: int) -> None:
        layers: OrderedDict[str, nn.Module] = OrderedDict()
        layers["mix"] = ConvBN(in_channels, mid_channels)
        layers["classify"] = bare_conv(mid_channels, num_classes)
        super().__init__(layers)


def resize(x: Tensor, size: tuple[int, ...]) -> Tensor:
    """`x` ``(N, C, h, w)`` bilinearly resampled to `size` ``(H, W)``, align_corners=False.

    Sizes and not scale factors, since a factor cannot restore an odd size.
    """
    return F.interpolate(x, size=size, mode="bilinear", align_corners=False)


def spatial_size(x: Tensor) -> tuple[int, int]:
    """``(H, W)`` of `x` ``(N, C, H, W)``."""
    return x.shape[-2], x.shape[-1]


def resize_like(x: Tensor, reference: Tensor) -> Tensor:
    """`x` bilinearly resampled to the height and width of `reference`."""
    return resize(x, spatial_size(reference))


def aux_logits(
    heads: nn.ModuleList, features: tuple[Tensor, ...], size: tuple[int, int]
) -> tuple[Tensor, ...]:
    """Logits ``(N, K, H, W)`` of each auxiliary head on its feature map; () without heads."""
    return tuple(resize(head(x), size) for head, x in zip(heads, features, strict=False))


def init_weights(model: nn.Module) -> None:
    """Kaiming-normal convolutions (He et al. 2015, arXiv 1502.01852, eq. 10, fan-out), zero
    biases, batch norms at weight 1 and bias 0. Draws from torch's global generator.
    """
    for module in model.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
            if module.bias is not None:
                nn.init.zeros_(module.bias)
        elif isinstance(module, nn.BatchNorm2d):
            nn.init.ones_(module.weight)
            nn.init.zeros_(module.bias)
