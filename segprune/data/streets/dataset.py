"""`streets` as a data set: as many scenes as are asked for, in two splits that never meet."""

from __future__ import annotations

import torch
from torchvision import tv_tensors

from segprune.data.classes import CAMVID
from segprune.data.dataset import Sample, SegmentationDataset
from segprune.data.streets.picture import paint_scene
from segprune.errors import InputError

__all__ = ["Streets"]

_SPLITS = {"train": (1, 500), "val": (2, 200), "test": (3, 200)}
"""Each split's seed, and how many scenes it has unless told otherwise."""
_SMALLEST = 32


class Streets(SegmentationDataset):
    """Procedural road scenes in CamVid's eleven classes.

    Args:
        split: "train" (500 scenes, as few as real sets have), "val" (200) or "test" (200).
        size: (H, W) of the scenes; they are painted at this size, not resized.
        count: how many scenes; they are the first ones of the split, which has no end.

    Raises:
        InputError: another split, or a size below 32.
    """

    def __init__(
        self,
        split: str = "val",
        size: tuple[int, int] = (128, 256),
        *,
        count: int | None = None,
        cache: bool = False,
    ) -> None:
        if split not in _SPLITS:
            raise InputError(
                f"split: expected one of {', '.join(_SPLITS)}, found {split!r}; choose one."
            )
        if min(size) < _SMALLEST or (count is not None and count < 1):
            found = f"size {size[0]}×{size[1]}" + ("" if count is None else f", count {count}")
            raise InputError(
                f"streets: expected a size of at least {_SMALLEST}×{_SMALLEST} and at least one "
                f"scene, found {found}; 128×256 is usual."
            )
        self._seed, usual = _SPLITS[split]
        names = tuple(f"{split}-{index:05d}" for index in range(count or usual))
        # Scenes have nothing in common: each is a sequence of its own.
        super().__init__("streets", split, CAMVID, names, size=size, cache=cache)

    def stored_size(self, index: int) -> tuple[int, int]:
        """That of all scenes; none is painted for it."""
        assert self.size is not None
        return self.size

    def _read(self, index: int) -> Sample:
        assert self.size is not None
        image, label = paint_scene(self._seed, index, *self.size)
        return Sample(
            tv_tensors.Image(torch.from_numpy(image).permute(2, 0, 1).contiguous()),
            tv_tensors.Mask(torch.from_numpy(label)),
            self.sequences[index],
        )
