"""Data sets of image and label files: found in pairs, with every error naming its file."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torchvision import tv_tensors

from segprune.data.agreement import (
    note_of_shared,
    require_one_meaning,
    require_one_size,
    require_size_of_image,
)
from segprune.data.dataset import ClassTable, Sample, SegmentationDataset
from segprune.data.label_map import LabelMap, LabelValues, remedy_for
from segprune.data.reading import (
    SUFFIXES,
    VOID,
    Head,
    Pixels,
    find_label,
    images_in,
    left_out,
    read_head,
    read_image,
    read_indices,
    require_label,
    spread,
)
from segprune.errors import InputError
from segprune.format import counted

__all__ = ["FileDataset", "Pair", "check_split", "folders_in", "pairs_in", "shared_images"]


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
        label_map: the meaning of single values, if there is no `mapping`.
        images: the folder of the images; other pictures in it are reported.
        labels: the folder that holds nothing but labels, to look for those of no image in.
        size, count, cache, check: as for `open_dataset`.

    Raises:
        InputError: a label is missing or not of its image's size, or all labels of the split show
            one class. With `check=False`, only reading a sample raises an error.
    """

    def __init__(
        self,
        name: str,
        split: str,
        classes: ClassTable,
        pairs: Sequence[Pair],
        *,
        mapping: Sequence[int] | None = None,
        label_map: LabelMap | None = None,
        images: Path | None = None,
        labels: Path | None = None,
        size: tuple[int, int] | None = None,
        count: int | None = None,
        cache: bool = False,
        check: bool = True,
    ) -> None:
        self.pairs = tuple(spread(pairs, count))
        sequences = tuple(pair.sequence for pair in self.pairs)
        super().__init__(name, split, classes, sequences, size=size, cache=cache)
        self._labels, self._all_pairs = labels, pairs
        self._values = LabelValues(
            len(classes), label_map if mapping is None else dict(enumerate(mapping)),
            below=None if mapping is None else len(mapping),
        )  # fmt: skip
        self.notes = () if images is None else left_out(images, recursive=True)
        if check:
            turned = sum(_check_pair(pair).orientation != 1 for pair in self.pairs)
            self.notes += _note_of_turned(turned)
            self.require_classes()

    def source(self, index: int) -> str:
        """The label file."""
        return str(self.pairs[index].label)

    def stored_size(self, index: int) -> tuple[int, int]:
        """From the head of the image's file alone."""
        return read_head(self.pairs[index].image).size

    def label_values(self, index: int) -> dict[int, int]:
        """Count the pixels of each value in a label file, before any map."""
        values, counts = np.unique(self._read_values(self.pairs[index]), return_counts=True)
        return {int(v): int(count) for v, count in zip(values, counts, strict=True)}

    def require_classes(self) -> None:
        """Look at labels of the split, whatever `count` is, until they show two classes.

        Raises:
            InputError: all labels show one class alone, though the table has more; nothing but
                void; or palettes that give a colour two indices.
        """
        require_one_meaning(
            (pair.label for pair in self._all_pairs), self.classes.colours, self._values.meaning
        )
        enough = min(len(self.classes), 2)
        values: set[int] = set()
        shown: set[int | None] = set()
        for pair in self._all_pairs:
            try:
                values.update(map(int, np.unique(self._read_values(pair))))
            except InputError:
                return  # reading the sample reports a broken file
            shown = {self._values.meaning(value) for value in values} - {VOID}
            if None in shown or len(shown) >= enough:
                return
        if enough > 1:
            wanted = f"labels of more than one of the {len(self.classes)} classes"
        else:
            wanted = "labels of the class"
        names = [repr(self.classes.names[index or 0]) for index in shown]
        raise InputError(
            f"{self._all_pairs[0].label.parent}: expected {wanted}, found "
            f"{names[0] if names else 'void'} alone in "
            f"all {len(self._all_pairs)} labels of {self.name} {self.split}, with the values "
            f"{', '.join(map(str, sorted(values)))}; {remedy_for(values)}."
        )

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
        image, values = read_image(pair.image), self._read_values(pair)
        if image.shape[:2] != values.shape:
            height, width = image.shape[:2]
            head = Head((height, width), read_head(pair.image).orientation)
            require_one_size(pair.label, head, values.shape)
        return Sample(
            tv_tensors.Image(torch.from_numpy(image).permute(2, 0, 1)),
            tv_tensors.Mask(torch.from_numpy(self._values(pair.label, values))),
            pair.name,
        )

    def _read_values(self, pair: Pair) -> Pixels:
        return read_indices(pair.label, known=self._values.known)


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
        Pair(images / path, find_label(labels / path), name, sequence(path))
        for name, path in names.items()
    ]


def check_split(split: str, known: Sequence[str]) -> None:
    """Raises InputError for a split that the data set does not have."""
    if split not in known:
        raise InputError(f"split: expected one of {', '.join(known)}, found {split!r}; choose one.")


def shared_images(
    training: SegmentationDataset, validation: SegmentationDataset
) -> tuple[str, ...]:
    """Return a sentence if two splits have images in common; none for images without files."""
    if not (isinstance(training, FileDataset) and isinstance(validation, FileDataset)):
        return ()
    one, other = ([pair.image for pair in each.pairs] for each in (training, validation))
    return tuple(note_of_shared(one, other))


def folders_in(folder: Path) -> str:
    """The names of the folders in a folder, for messages."""
    return ", ".join(sorted(p.name for p in folder.iterdir() if p.is_dir())) or "no folder"


def _check_pair(pair: Pair) -> Head:
    """Require a label of the image's size; return the head of the image."""
    _require_label(pair)
    return require_size_of_image(pair.image, pair.label)


def _note_of_turned(count: int) -> tuple[str, ...]:
    if not count:
        return ()
    return (
        f"turned upright: {counted(count, 'image')}, as EXIF orientation says and "
        "viewers do; their labels must have been drawn on upright images",
    )


def _require_label(pair: Pair) -> None:
    require_label(pair.image, pair.label, "add it, or remove the image")
