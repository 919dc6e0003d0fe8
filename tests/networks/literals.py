"""Code that holds a literal channel count: written for `WIDTH` channels."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .base import WIDTH, Block


class LiteralView(Block):
    def __init__(self, cin: int, cout: int):
        super().__init__(cin, cout)
        self.fc = nn.Linear(WIDTH, cout)

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv(x)
        y = self.fc(x.permute(0, 2, 3, 1).reshape(-1, 32))  # in the way
        return x + y.view(x.shape[0], x.shape[2], x.shape[3], -1).permute(0, 3, 1, 2)


class LiteralSlice(Block):
    """Keeps 22 of 32 channels; the prefix of ten must stay where it is."""

    watch = ()

    def __init__(self, cin: int, cout: int):
        super().__init__(cin, cout)
        self.last = nn.Conv2d(WIDTH - 10, cout, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv(x)
        return self.last(x[:, 10:])  # in the way


class LiteralSplit(Block):
    def __init__(self, cin: int, cout: int):
        super().__init__(cin, cout)
        self.a, self.b = nn.Conv2d(12, cout, 1), nn.Conv2d(20, cout, 1)

    def forward(self, x: Tensor) -> Tensor:
        a, b = torch.split(self.conv(x), [12, 20], dim=1)  # in the way
        return self.a(a) + self.b(b)


class StoredChannels(Block):
    """The count is an attribute of the network's own; free if the engine rewrites it."""

    watch = ()

    def __init__(self, cin: int, cout: int):
        super().__init__(cin, cout)
        self.channels, self.fc = cout, nn.Linear(cout, cout)

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv(x)
        y = F.adaptive_avg_pool2d(x, 1).view(-1, self.channels)  # in the way
        return x * torch.sigmoid(self.fc(y)).view(-1, self.channels, 1, 1)  # in the way


class LiteralLayerNorm(Block):
    def forward(self, x: Tensor) -> Tensor:
        y = self.conv(x).permute(0, 2, 3, 1)
        return F.layer_norm(y, (32,)).permute(0, 3, 1, 2)  # in the way


class LiteralZeros(Block):
    def forward(self, x: Tensor) -> Tensor:
        return self.conv(x) + torch.zeros(32, 1, 1, dtype=x.dtype)  # in the way


class LiteralConcat(Block):
    """The zeros' channels stand between those of the convolution."""

    watch = ()

    def __init__(self, cin: int, cout: int):
        super().__init__(cin, cout)
        self.last = nn.Conv2d(2 * cout + 8, cout, 1)

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv(x)
        zeros = x.new_zeros(x.shape[0], 8, *x.shape[2:]) + 0.5
        return self.last(torch.cat((x, zeros, F.relu(x - 0.1)), 1))


class LiteralDivisor(Block):
    def forward(self, x: Tensor) -> Tensor:
        x = self.conv(x)
        return x / x.shape[1] + 0.1 * x  # in the way


class LiteralBranch(Block):
    """Python asks how many channels there are: nothing of it is in the graph."""

    watch = ()

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv(x)
        return x if x.shape[1] == 32 else torch.tanh(x)


class LiteralAssert(Block):
    watch = ()

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv(x)
        assert x.shape[1] == 32, "written for 32 channels"
        return F.relu(x - 0.2)


class LiteralRepeat(Block):
    def __init__(self, cin: int, cout: int):
        super().__init__(cin, cout)
        self.gate = nn.Conv2d(cout, 1, 1)

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv(x)
        return x * torch.sigmoid(self.gate(x)).expand(-1, 32, -1, -1)  # in the way
