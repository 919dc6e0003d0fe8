"""Whole networks: several inputs, outputs, heads, scales."""

from __future__ import annotations

from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils import parametrizations
from torch.nn.utils import prune as torch_prune

from .base import ConvNormAct


class Network(nn.Module):
    watch: ClassVar[tuple[str, ...]] = ()

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.trunk = ConvNormAct(3, 32), ConvNormAct(32, 40, stride=2)
        self.head = nn.Conv2d(40, 5, 1)

    def logits(self, x: Tensor, size: torch.Size) -> Tensor:
        return F.interpolate(self.head(x), size=size, mode="bilinear", align_corners=False)

    def forward(self, x: Tensor) -> Any:
        return self.logits(self.trunk(self.stem(x)), x.shape[-2:])

    def example(self) -> Any:
        return torch.randn(1, 3, 32, 32)


class UNet(Network):
    watch = ("stem.0", "trunk.0", "deep.0", "up", "join.0")

    def __init__(self) -> None:
        super().__init__()
        self.deep, self.up = ConvNormAct(40, 48, stride=2), nn.ConvTranspose2d(48, 40, 2, 2)
        self.join = ConvNormAct(80, 40)
        self.last = ConvNormAct(72, 40)

    def forward(self, x: Tensor) -> Tensor:
        a = self.stem(x)
        b = self.trunk(a)
        c = self.join(torch.cat((self.up(self.deep(b)), b), 1))
        c = F.interpolate(c, size=a.shape[-2:])
        return self.logits(self.last(torch.cat((a, c), 1)), x.shape[-2:])


class TwoInputs(Network):
    watch = ("stem.0", "depth.0", "trunk.0")

    def __init__(self) -> None:
        super().__init__()
        self.depth = ConvNormAct(1, 32)

    def forward(self, x: Tensor, depth: Tensor) -> Tensor:
        return self.logits(self.trunk(self.stem(x) + self.depth(depth)), x.shape[-2:])

    def example(self) -> Any:
        return torch.randn(1, 3, 32, 32), torch.randn(1, 1, 32, 32)


class NamedInputs(TwoInputs):
    def forward(self, *, image: Tensor, depth: Tensor) -> Tensor:  # type: ignore[override]
        return super().forward(image, depth)

    def example(self) -> Any:
        return {"image": torch.randn(1, 3, 32, 32), "depth": torch.randn(1, 1, 32, 32)}


class ListOutput(Network):
    watch = ("stem.0", "trunk.0")

    def __init__(self) -> None:
        super().__init__()
        self.side = nn.Conv2d(32, 5, 1)

    def forward(self, x: Tensor) -> list[Tensor]:
        a = self.stem(x)
        return [self.logits(self.trunk(a), x.shape[-2:]), self.side(a)]


class DictOutput(ListOutput):
    def forward(self, x: Tensor) -> dict[str, Tensor]:  # type: ignore[override]
        out, aux = super().forward(x)
        return {"out": out, "aux": aux}


class NestedOutput(ListOutput):
    def forward(self, x: Tensor) -> Any:
        out, aux = super().forward(x)
        return {"out": out, "more": (aux, [aux.sum((2, 3)), out])}


class ReturnsFeatures(Network):
    """The trunk's channels are an output: they stay."""

    watch = ("stem.0", "middle.0")

    def __init__(self) -> None:
        super().__init__()
        self.middle = ConvNormAct(32, 32)

    def forward(self, x: Tensor) -> Any:
        y = self.trunk(self.middle(self.stem(x)))
        return self.logits(y, x.shape[-2:]), y


class ReturnsProbabilities(Network):
    watch = ("stem.0", "trunk.0")

    def forward(self, x: Tensor) -> Tensor:
        return torch.softmax(super().forward(x), dim=1)


class AuxiliaryMethod(Network):
    traced_methods = ("forward", "forward_with_aux")
    watch = ("stem.0", "trunk.0", "aux.0.0")

    def __init__(self) -> None:
        super().__init__()
        self.aux = nn.Sequential(ConvNormAct(32, 24), nn.Conv2d(24, 5, 1))

    def forward_with_aux(self, x: Tensor) -> tuple[Tensor, tuple[Tensor, ...]]:
        a = self.stem(x)
        return self.logits(self.trunk(a), x.shape[-2:]), (self.aux(a),)


class AuxiliaryWhenTraining(AuxiliaryMethod):
    """torchvision's and many others' way: what is returned depends on `training`."""

    traced_methods = ("forward",)
    watch = ("stem.0", "trunk.0")

    def forward(self, x: Tensor) -> Any:
        return self.forward_with_aux(x) if self.training else super().forward(x)


class Unreached(Network):
    watch = ("stem.0", "trunk.0")

    def __init__(self) -> None:
        super().__init__()
        self.spare = nn.Conv2d(40, 40, 3)


class Siamese(Network):
    watch = ("stem.0", "trunk.0")

    def forward(self, x: Tensor, y: Tensor) -> Tensor:  # type: ignore[override]
        a, b = self.trunk(self.stem(x)), self.trunk(self.stem(y))
        return self.logits(torch.abs(a - b) + 0.5 * (a + b), x.shape[-2:])

    def example(self) -> Any:
        return torch.randn(1, 3, 32, 32), torch.randn(1, 3, 32, 32)


class InputJoined(Network):
    """The image itself is normalised by buffers and concatenated to features."""

    watch = ("stem.0", "trunk.0", "join.0")

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("mean", torch.tensor([0.4, 0.5, 0.6]).view(1, 3, 1, 1))
        self.join = ConvNormAct(35, 32)

    def forward(self, x: Tensor) -> Tensor:
        x = (x - self.mean) / 0.25
        y = self.join(torch.cat((x, self.stem(x)), 1))
        return self.logits(self.trunk(y), x.shape[-2:])


class Overwritten(Network):
    """Takes no training step even when dense: autograd needs what is written over."""

    watch = ("stem.0", "trunk.0")

    def forward(self, x: Tensor) -> Tensor:
        y = self.stem(x)
        y += 0.5
        return self.logits(self.trunk(y), x.shape[-2:])


class TiedHeads(Network):
    """One classifier's weight is another's too."""

    watch = ("trunk.0", "early.0")

    def __init__(self) -> None:
        super().__init__()
        self.early, self.side = ConvNormAct(32, 40), nn.Conv2d(40, 5, 1)
        self.side.weight = self.head.weight

    def forward(self, x: Tensor) -> Any:
        a = self.stem(x)
        return self.logits(self.trunk(a), x.shape[-2:]), self.side(self.early(a))


class Positions(Network):
    """Tokens with a learned embedding, one per position and channel."""

    watch = ("fc1",)

    def __init__(self) -> None:
        super().__init__()
        self.where = nn.Parameter(torch.randn(1, 64, 40) * 0.2)
        self.norm, self.fc1, self.fc2 = nn.LayerNorm(40), nn.Linear(40, 64), nn.Linear(64, 40)
        self.patch = nn.Conv2d(40, 40, 2, stride=2)

    def forward(self, x: Tensor) -> Tensor:
        y = self.patch(self.trunk(self.stem(x)))
        tokens = y.flatten(2).transpose(1, 2) + self.where
        tokens = tokens + self.fc2(F.gelu(self.fc1(self.norm(tokens))))
        return self.logits(tokens.transpose(1, 2).reshape(y.shape), x.shape[-2:])


class WeightNormed(Network):
    """Parametrised: frozen or refused by name."""

    def __init__(self) -> None:
        super().__init__()
        self.normed = parametrizations.weight_norm(nn.Conv2d(32, 32, 3, padding=1))
        self.more = nn.Sequential(ConvNormAct(40, 40), ConvNormAct(40, 40))

    def forward(self, x: Tensor) -> Tensor:
        y = self.trunk(F.relu(self.normed(self.stem(x))))
        return self.logits(self.more(y), x.shape[-2:])


class SpectralNormed(WeightNormed):
    def __init__(self) -> None:
        super().__init__()
        self.normed = parametrizations.spectral_norm(nn.Conv2d(32, 32, 3, padding=1))


class Masked(Network):
    """torch.nn.utils.prune leaves a mask: refused."""

    def __init__(self) -> None:
        super().__init__()
        torch_prune.ln_structured(self.trunk[0], "weight", 0.5, n=2, dim=0)
