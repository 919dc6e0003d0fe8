"""Other people's networks: every torchvision segmentation factory, and pairs of smp."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

TORCHVISION = (
    "lraspp_mobilenet_v3_large",
    "deeplabv3_mobilenet_v3_large",
    "fcn_resnet50",
    "fcn_resnet101",
    "deeplabv3_resnet50",
    "deeplabv3_resnet101",
)
CONVOLUTIONAL = ("resnet18", "mobilenet_v2", "efficientnet-b0")
PAIRS = (
    ("Unet", "resnet18"),
    ("FPN", "mobilenet_v2"),
    ("DeepLabV3Plus", "resnet18"),
    ("Linknet", "mobilenet_v2"),
    ("PAN", "mobilenet_v2"),
    ("Segformer", "mit_b0"),
    *(
        ("Unet", encoder)
        for encoder in (
            "mobilenet_v2", "efficientnet-b0", "resnext50_32x4d", "vgg11_bn", "densenet121",
            "se_resnet50", "dpn68", "xception", "mit_b0", "mobileone_s0",
            "tu-regnety_002", "tu-mobilenetv3_small_100", "tu-convnext_atto", "tu-skresnet18",
            "tu-hrnet_w18_small", "tu-ghostnet_100", "tu-edgenext_xx_small",
        )
    ),
    *(
        (decoder, encoder)
        for decoder in (
            "UnetPlusPlus", "MAnet", "Linknet", "FPN", "PSPNet", "DeepLabV3", "DeepLabV3Plus",
            "PAN", "UPerNet", "Segformer",
        )
        for encoder in CONVOLUTIONAL
        if (decoder, encoder) not in {
            ("Linknet", "mobilenet_v2"), ("FPN", "mobilenet_v2"), ("DeepLabV3Plus", "resnet18"),
            ("PAN", "mobilenet_v2"),
        }
    ),
    ("FPN", "mit_b0"),
    ("UPerNet", "mit_b0"),
    ("DPT", "tu-vit_tiny_patch16_224"),
)  # fmt: skip
QUICK = {"lraspp_mobilenet_v3_large", "Unet/resnet18"}


@dataclass(frozen=True)
class Foreign:
    """A network of another package, with random weights."""

    name: str
    size: int = 64

    def build(self) -> nn.Module:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            return self._build().eval()

    def _build(self) -> nn.Module:
        decoder, _, encoder = self.name.partition("/")
        if not encoder:
            from torchvision.models import segmentation

            factory = getattr(segmentation, decoder)
            network: nn.Module = factory(weights=None, weights_backbone=None, num_classes=5)
            return network
        import segmentation_models_pytorch

        factory = getattr(segmentation_models_pytorch, decoder)
        built: nn.Module = factory(encoder_name=encoder, encoder_weights=None, classes=5)
        return built

    def example(self) -> Tensor:
        return torch.randn(1, 3, self.size, self.size, generator=torch.Generator().manual_seed(0))


def every() -> tuple[Foreign, ...]:
    sizes = {"PAN": 128, "DPT": 224}
    pairs = (Foreign(f"{d}/{e}", sizes.get(d, 64)) for d, e in PAIRS)
    return (*(Foreign(name) for name in TORCHVISION), *pairs)
