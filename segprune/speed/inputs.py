"""What speed is measured on: the size of a batch, and how it lies in memory."""

from __future__ import annotations

from typing import Literal, NamedTuple

import torch
from torch import Tensor

__all__ = ["MEMORY_FORMATS", "MemoryFormat", "SpeedInput", "in_format"]

MemoryFormat = Literal["contiguous", "channels_last"]

MEMORY_FORMATS = {
    "contiguous": torch.contiguous_format,
    "channels_last": torch.channels_last,
}


class SpeedInput(NamedTuple):
    """One call's input; convolutions follow its memory format through the whole network.

    Attributes:
        size: `(N, C, H, W)`.
        memory_format: "channels_last" is the faster one for convolutions on most processors.
    """

    size: tuple[int, ...]
    memory_format: MemoryFormat = "contiguous"

    def __str__(self) -> str:
        words = "" if self.memory_format == "contiguous" else ", channels last"
        return "×".join(map(str, self.size)) + words


def in_format(images: Tensor, memory_format: MemoryFormat) -> Tensor:
    """The same images `(N, C, H, W)`, laid out in this way."""
    return images.to(memory_format=MEMORY_FORMATS[memory_format])
