"""Data sets of image and label files: found in pairs, with every error naming its file."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torchvision import tv_tensors

from segprune.data.dataset import ClassTable, Sample, SegmentationDataset
from segprune.data.reading import (
    SUFFIXES,
    VOID,
    check_indices,
    images_in,
    read_image,
    read_indices,
    require_label,
    size_of,
    spread,
)
from segprune.errors import InputError

__all__ = ["FileDataset", "Pair", "check_split", "folders_in", "pairs_in"]


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
        mapping: the class index, or `VOID`, of each value in label files, from 0 on; None: they
            are class indices already. 255 is void in any case, other values are errors.
        labels: the folder that holds nothing but labels, to look for those of no image in.
        size, count, cache, check: as for `open_dataset`.

    Raises:
        InputError: a label that is missing, or not of its image's size; unless `check` is False,
            which leaves it to the reading of that pair.
    """

    def __init__(
        self,
        name: str,
        split: str,
        classes: ClassTable,
        pairs: Sequence[Pair],
        *,
        mapping: Sequence[int] | None = None,
        labels: Path | None = None,
        size: tuple[int, int] | None = None,
        count: int | None = None,
        cache: bool = False,
        check: bool = True,
    ) -> None:
        self.pairs = tuple(spread(pairs, count))
        if check:
            for pair in self.pairs:
                _check_pair(pair)
        sequences = tuple(pair.sequence for pair in self.pairs)
        super().__init__(name, split, classes, sequences, size=size, cache=cache)
        self._labels, self._all_pairs = labels, pairs
        self._values = len(classes if mapping is None else mapping)
        self._table = np.full(256, VOID, dtype=np.uint8)
        self._table[: self._values] = range(len(classes)) if mapping is None else mapping

    def source(self, index: int) -> str:
        """The label file."""
        return str(self.pairs[index].label)

    def stored_size(self, index: int) -> tuple[int, int]:
        """From the head of the image's file alone."""
        return size_of(self.pairs[index].image)

    def unpaired_labels(self) -> list[Path]:
        """By path: what has no image, is named otherwise than its image, or is no png."""
        if self._labels is None:
            return []
        paired = {pair.label for pair in self._all_pairs}
        found = (path for path in self._labels.rglob("*") if path.suffix.lower() in SUFFIXES)
        return sorted(path for path in found if path not in paired)

    def _read(self, index: int) -> Sample:
        pair = self.pairs[index]
        _require_label(pair)
        image, values = read_image(pair.image), read_indices(pair.label)
        _require_one_size(pair, image.shape[:2], values.shape)
        check_indices(
            pair.label, values, self._values, "the table's number of them",
            "map the labels, or correct the class table",
        )  # fmt: skip
        return Sample(
            tv_tensors.Image(torch.from_numpy(image).permute(2, 0, 1)),
            tv_tensors.Mask(torch.from_numpy(self._table[values])),
            pair.name,
        )


def pairs_in(
    images: Path, labels: Path, sequence: Callable[[Path], str], *, recursive: bool = False
) -> list[Pair]:
    """The images of a folder, each with the label of the same name (png) in the other folder.

    Args:
        sequence: the video sequence of an image, from its path within the folder.

    Raises:
        InputError: no image, or two that would have one label.
    """
    paths = [path.relative_to(images) for path in images_in(images, recursive=recursive)]
    if not paths:
        raise InputError(
            f"{images}: expected images ({', '.join(SUFFIXES)}), found none; check the folder."
        )
    names: dict[str, Path] = {}
    for path in paths:
        other = names.setdefault(path.with_suffix("").as_posix(), path)
        if other != path:
            raise InputError(
                f"{images / path}: expected one image of that name, found {other.name} too; both "
                "would have the same label. Remove one, or rename it."
            )
    return [
        Pair(images / path, labels / path.with_suffix(".png"), name, sequence(path))
        for name, path in names.items()
    ]


def check_split(split: str, known: Sequence[str]) -> None:
    """Raises InputError for a split that the data set does not have."""
    if split not in known:
        raise InputError(f"split: expected one of {', '.join(known)}, found {split!r}; choose one.")


def folders_in(folder: Path) -> str:
    """The names of the folders in a folder, for messages."""
    return ", ".join(sorted(p.name for p in folder.iterdir() if p.is_dir())) or "no folder"


def _check_pair(pair: Pair) -> None:
    _require_label(pair)
    _require_one_size(pair, size_of(pair.image), size_of(pair.label))


def _require_label(pair: Pair) -> None:
    require_label(pair.image, pair.label, "add it, or remove the image")


def _require_one_size(pair: Pair, image: Sequence[int], label: Sequence[int]) -> None:
    if tuple(image) != tuple(label):
        raise InputError(
            f"{pair.label}: expected the height×width of its image, {image[0]}×{image[1]}, found "
            f"{label[0]}×{label[1]}; both must be stored at one size."
        )
