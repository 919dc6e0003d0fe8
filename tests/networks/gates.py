"""Sums, gates, pooling to vectors, in-place writing."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .base import Block, ConvNormAct


class Residual(Block):
    watch = ("conv.0", "a.0", "b.0")

    def __init__(self, cin: int, cout: int):
        super().__init__(cin, cout)
        self.a, self.b = ConvNormAct(cout, cout), ConvNormAct(cout, cout)

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv(x)
        return F.relu(x + self.b(self.a(x)))


class InvertedResidual(Block):
    watch = ("wide.0", "deep.0")

    def __init__(self, cin: int, cout: int):
        super().__init__(cin, cout)
        self.wide = ConvNormAct(cout, 3 * cout, 1)
        self.deep = ConvNormAct(3 * cout, 3 * cout, groups=3 * cout)
        self.narrow = nn.Conv2d(3 * cout, cout, 1)

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv(x)
        return x + self.narrow(self.deep(self.wide(x)))


class GateOne(Block):
    """A gate of one channel, multiplied with C channels."""

    def __init__(self, cin: int, cout: int):
        super().__init__(cin, cout)
        self.gate = nn.Conv2d(cout, 1, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv(x)
        return x * torch.sigmoid(self.gate(x))


class GateMany(Block):
    watch = ("conv.0", "gate", "other")

    def __init__(self, cin: int, cout: int):
        super().__init__(cin, cout)
        self.gate, self.other = nn.Conv2d(cout, cout, 1), nn.Conv2d(cout, cout, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv(x)
        g = torch.sigmoid(self.gate(x))
        return g * x + (1 - g) * self.other(x)


class SqueezeExcite(Block):
    watch = ("conv.0", "fc1", "fc2")

    def __init__(self, cin: int, cout: int):
        super().__init__(cin, cout)
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.fc1, self.fc2 = nn.Linear(cout, cout // 2), nn.Linear(cout // 2, cout)

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv(x)
        s = self.fc2(F.relu(self.fc1(self.pool(x).flatten(1))))
        return x * F.hardsigmoid(s)[:, :, None, None]


class FlattenLinear(Block):
    """Each channel owns four columns of the linear layer."""

    watch = ("conv.0", "fc")

    def __init__(self, cin: int, cout: int):
        super().__init__(cin, cout)
        self.pool = nn.AdaptiveMaxPool2d(2)
        self.fc, self.last = nn.Linear(4 * cout, cout), nn.Conv2d(cout, cout, 1)

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv(x)
        s = torch.sigmoid(self.fc(torch.flatten(self.pool(x), 1)))
        return self.last(x * s.unsqueeze(-1).unsqueeze(-1))


class PyramidPooling(Block):
    watch = ("conv.0", "one", "two")

    def __init__(self, cin: int, cout: int):
        super().__init__(cin, cout)
        self.one, self.two = nn.Conv2d(cout, cout // 2, 1), nn.Conv2d(cout, cout // 2, 1)
        self.last = nn.Conv2d(cout + 2 * (cout // 2), cout, 1)

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv(x)
        size = x.shape[-2:]
        one = self.one(F.adaptive_avg_pool2d(x, 1)).expand(-1, -1, *size)
        two = F.interpolate(self.two(F.adaptive_avg_pool2d(x, 2)), size=size, mode="bilinear")
        return self.last(torch.cat((x, one, two), 1))


class StripPooling(Block):
    watch = ("conv.0", "tall")

    def __init__(self, cin: int, cout: int):
        super().__init__(cin, cout)
        self.tall = nn.Conv1d(cout, cout, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv(x)
        return x * torch.sigmoid(self.tall(x.mean(3)).unsqueeze(3) + x.amax(2, keepdim=True))


class MaxUnpooled(Block):
    watch = ("conv.0", "mid")

    def __init__(self, cin: int, cout: int):
        super().__init__(cin, cout)
        self.pool, self.unpool = nn.MaxPool2d(2, return_indices=True), nn.MaxUnpool2d(2)
        self.mid, self.last = nn.Conv2d(cout, cout, 3, padding=1), nn.Conv2d(cout, cout, 3, 1, 1)

    def forward(self, x: Tensor) -> Tensor:
        y, indices = self.pool(self.conv(x))
        return self.last(self.unpool(self.mid(y), indices))


class ParameterGate(Block):
    def __init__(self, cin: int, cout: int):
        super().__init__(cin, cout)
        self.scale = nn.Parameter(torch.linspace(0.5, 1.5, cout).view(1, cout, 1, 1))
        self.shift = nn.Parameter(torch.linspace(-0.5, 0.5, cout).view(cout, 1, 1))
        self.mix = nn.Parameter(torch.tensor([0.3]))

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv(x)
        return x * self.scale + self.shift + self.mix * F.avg_pool2d(x, 3, 1, 1)


class BufferGate(Block):
    def __init__(self, cin: int, cout: int):
        super().__init__(cin, cout)
        self.register_buffer("scale", torch.linspace(0.5, 1.5, cout).view(1, cout, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        return self.conv(x) * self.scale


class InPlace(Block):
    watch = ("conv.0", "side")

    def __init__(self, cin: int, cout: int):
        super().__init__(cin, cout)
        self.conv[2] = nn.ReLU(inplace=True)
        self.side = nn.Conv2d(cout, cout, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv(x)
        y = self.side(x)
        y += x
        y.add_(0.25).mul_(0.5)
        y.relu_()
        return y


class SliceAssigned(Block):
    watch = ()

    def __init__(self, cin: int, cout: int):
        super().__init__(cin, cout)
        self.last = nn.Conv2d(cout, cout, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv(x).clone()
        x[:, : x.shape[1] // 2] = torch.tanh(x[:, x.shape[1] // 2 :])
        return self.last(x)
