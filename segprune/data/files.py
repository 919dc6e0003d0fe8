"""Image and label files: found in pairs, read with every error naming its file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torchvision import tv_tensors

from segprune.data.dataset import ClassTable, Sample, SegmentationDataset
from segprune.data.frames import VOID
from segprune.errors import InputError

__all__ = ["FileDataset", "Pair", "images_in", "spread"]

SUFFIXES = (".png", ".jpg", ".jpeg")


@dataclass(frozen=True)
class Pair:
    """An image file, its label file, what it is called, and the video sequence it is from."""

    image: Path
    label: Path
    name: str
    sequence: str


class FileDataset(SegmentationDataset):
    """Pairs of files.

    Args:
        mapping: from values in label files to class indices; None: they are indices already, and
            255 is void.
        size, cache: as for `open_dataset`.

    Raises:
        InputError: a label that is missing, or not of its image's size.
    """

    def __init__(
        self,
        name: str,
        split: str,
        classes: ClassTable,
        pairs: Sequence[Pair],
        *,
        mapping: Mapping[int, int] | None = None,
        size: tuple[int, int] | None = None,
        cache: bool = False,
    ) -> None:
        self.pairs = tuple(pairs)
        for pair in self.pairs:
            _check_pair(pair)
        super().__init__(
            name, split, classes, tuple(pair.sequence for pair in pairs), size=size, cache=cache
        )
        self._table = None if mapping is None else _lookup(mapping)

    def _read(self, index: int) -> Sample:
        pair = self.pairs[index]
        label = read_indices(pair.label)
        if self._table is not None:
            label = self._table[label]
        wrong = label[(label >= len(self.classes)) & (label != VOID)]
        if wrong.size:
            raise InputError(
                f"{pair.label}: expected class indices below {len(self.classes)} or {VOID} for "
                f"void, found {int(wrong.max())}; map the labels, or correct the class table."
            )
        return Sample(
            tv_tensors.Image(torch.from_numpy(read_image(pair.image)).permute(2, 0, 1)),
            tv_tensors.Mask(torch.from_numpy(label)),
            pair.name,
        )


def images_in(folder: Path) -> list[Path]:
    """The image files of a folder, by name."""
    return sorted(p for p in folder.iterdir() if p.suffix.lower() in SUFFIXES and p.is_file())


def spread(pairs: Sequence[Pair], count: int | None) -> Sequence[Pair]:
    """So many of the pairs, evenly spaced: neighbours are mostly alike."""
    if count is None or count >= len(pairs):
        return pairs
    return [pairs[place * len(pairs) // count] for place in range(count)]


def read_image(path: Path) -> np.ndarray[Any, np.dtype[np.uint8]]:
    """Pixels `(H, W, 3)` of an image, RGB."""
    with _opened(path) as image:
        return np.array(_decoded(path, image).convert("RGB"))


def read_indices(path: Path) -> np.ndarray[Any, np.dtype[np.uint8]]:
    """Values `(H, W)` of a label file.

    Raises:
        InputError: it cannot be read, or holds colours.
    """
    with _opened(path) as image:
        if image.mode not in ("L", "P", "1"):
            raise InputError(
                f"{path}: expected 8-bit class indices, found mode {image.mode}; store indices, "
                "not colours."
            )
        return np.array(_decoded(path, image)).astype(np.uint8)


def _check_pair(pair: Pair) -> None:
    if not pair.label.is_file():
        raise InputError(
            f"{pair.image}: expected its label {pair.label}, found none; add it, or remove the "
            "image."
        )
    with _opened(pair.image) as image, _opened(pair.label) as label:
        if image.size != label.size:
            raise InputError(
                f"{pair.label}: expected the size of its image, {image.size[0]}×{image.size[1]}, "
                f"found {label.size[0]}×{label.size[1]}; both must be stored at one size."
            )


def _opened(path: Path) -> Image.Image:
    try:
        return Image.open(path)
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise _unreadable(path, error) from error


def _decoded(path: Path, image: Image.Image) -> Image.Image:
    try:
        image.load()
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise _unreadable(path, error) from error
    return image


def _unreadable(path: Path, error: Exception) -> InputError:
    return InputError(
        f"{path}: expected an image that can be read, found {type(error).__name__}: {error}; "
        "repair or remove the file."
    )


def _lookup(mapping: Mapping[int, int]) -> np.ndarray[Any, np.dtype[np.uint8]]:
    table = np.full(256, VOID, dtype=np.uint8)
    for value, index in mapping.items():
        if 0 <= value < 256:
            table[value] = index
    return table

