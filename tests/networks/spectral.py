"""Blocks of published networks: gated halves, Fourier units and positions picked by a list."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .base import Block, ConvNormAct


class GatedLinear(Block):
    """`F.glu`: the halves of the channels go in pairs."""

    watch = ("conv.0", "wide")

    def __init__(self, cin: int, cout: int):
        super().__init__(cin, cout)
        self.wide = nn.Conv2d(cout, 2 * cout, 1)

    def forward(self, x: Tensor) -> Tensor:
        return F.glu(self.wide(self.conv(x)), 1)


class FourierUnit(Block):
    """Fast Fourier convolution (Chi et al., NeurIPS 2020): a layer over the spectrum."""

    watch = ("conv.0", "spectrum.0")

    def __init__(self, cin: int, cout: int):
        super().__init__(cin, cout)
        self.spectrum = ConvNormAct(2 * cout, 2 * cout, 1)

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv(x)
        waves = torch.fft.rfft2(x, norm="ortho")
        y = self.spectrum(torch.cat((waves.real, waves.imag), 1))
        real, imaginary = y.chunk(2, 1)
        return torch.fft.irfft2(torch.complex(real, imaginary), s=x.shape[-2:], norm="ortho")


class Interlaced(Block):
    """Rows and columns are picked by lists, as in interlaced attention; channels stay."""

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv(x)
        rows, columns = (
            torch.arange(size, device=x.device).view(2, -1).t().reshape(-1) for size in x.shape[2:]
        )
        return x + x[:, :, rows][..., columns]
