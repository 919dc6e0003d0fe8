"""The network of this example: torchvision's LR-ASPP on a slim MobileNetV2, for eleven classes."""

from __future__ import annotations

from torch import nn
from torchvision.models import mobilenet_v2
from torchvision.models.feature_extraction import create_feature_extractor
from torchvision.models.segmentation import LRASPP


def make_network() -> nn.Module:
    """The dense network, with random weights; gates and recipes fill in the trained ones."""
    features = mobilenet_v2(weights=None, width_mult=0.5).features
    backbone = create_feature_extractor(features, {"3": "low", "17": "high"})
    return LRASPP(backbone, low_channels=16, high_channels=160, num_classes=11)
