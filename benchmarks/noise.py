"""A data set of random pixels in memory: what work costs, without any disk."""

from __future__ import annotations

import torch
from torchvision import tv_tensors

from segprune.data.classes import ClassTable
from segprune.data.dataset import Sample, SegmentationDataset

CLASSES = 11


class Noise(SegmentationDataset):
    """So many images of one size, with labels in blocks of 8×8 and every seventh row void."""

    def __init__(self, count: int, height: int, width: int) -> None:
        table = ClassTable(tuple(map(str, range(CLASSES))), ((0, 0, 0),) * CLASSES)
        super().__init__("noise", "train", table, ("noise",) * count, size=(height, width))
        draw = torch.Generator().manual_seed(0)
        self._samples = [_sample(n, height, width, draw) for n in range(count)]

    def _read(self, index: int) -> Sample:
        return self._samples[index]


def _sample(number: int, height: int, width: int, draw: torch.Generator) -> Sample:
    pixels = torch.randint(256, (3, height, width), generator=draw, dtype=torch.uint8)
    rows, columns = -(-height // 8), -(-width // 8)
    blocks = torch.randint(CLASSES, (rows, columns), generator=draw, dtype=torch.uint8)
    label = blocks.repeat_interleave(8, 0).repeat_interleave(8, 1)[:height, :width].contiguous()
    label[::7] = 255
    return Sample(tv_tensors.Image(pixels), tv_tensors.Mask(label), str(number))
