"""What mixes channels, so that removing one changes the rest."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .base import Block


class SpatialGate(Block):
    """CBAM: mean and max over channels."""

    def __init__(self, cin: int, cout: int):
        super().__init__(cin, cout)
        self.gate = nn.Conv2d(2, 1, 7, padding=3)

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv(x)
        y = torch.cat((x.mean(1, keepdim=True), x.amax(1, keepdim=True)), 1)  # in the way
        return x * torch.sigmoid(self.gate(y))


class ChannelSoftmax(Block):
    def forward(self, x: Tensor) -> Tensor:
        x = self.conv(x)
        return x * torch.softmax(x, dim=1)  # in the way


class EfficientChannelAttention(Block):
    """A convolution that slides over the channels."""

    def __init__(self, cin: int, cout: int):
        super().__init__(cin, cout)
        self.slide = nn.Conv1d(1, 1, 3, padding=1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv(x)
        y = self.slide(x.mean((2, 3)).unsqueeze(1))  # in the way
        return x * torch.sigmoid(y).transpose(1, 2).unsqueeze(-1)


class UnitLength(Block):
    watch = ()

    def forward(self, x: Tensor) -> Tensor:
        return F.normalize(self.conv(x), dim=1)


class ChannelSum(Block):
    watch = ()

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv(x)
        return x + 0.1 * x.sum(1, keepdim=True)


class ChannelCumulated(Block):
    def forward(self, x: Tensor) -> Tensor:
        x = self.conv(x)
        return x + torch.cumsum(x, dim=1)  # in the way


class ChannelRatio(Block):
    """A channel divided by a channel: zero over zero in the masked twin."""

    watch = ()

    def __init__(self, cin: int, cout: int):
        super().__init__(cin, cout)
        self.conv[2] = nn.Identity()
        self.other = nn.Conv2d(cin, cout, 1)

    def forward(self, x: Tensor) -> Tensor:
        return torch.tanh(self.other(x) / (self.conv(x) ** 2 + 0.1)).abs().add(0.1).log()


class Recurrent(Block):
    """An operator nobody wrote a rule for."""

    watch = ()

    def __init__(self, cin: int, cout: int):
        super().__init__(cin, cout)
        self.rows = nn.GRU(cout, cout, batch_first=True)

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv(x)
        y, _ = self.rows(x.mean(2).transpose(1, 2))
        return x + y.transpose(1, 2).unsqueeze(2)
