"""Read every image of a data set: what there is of each class, and what is wrong."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from segprune.data.classes import ClassTable
from segprune.data.dataset import SegmentationDataset
from segprune.data.reading import VOID
from segprune.errors import InputError

__all__ = ["DatasetCheck", "check_dataset"]

Progress = Callable[[str, int, int], None]
"""Called with what is done, images done, and images in all."""


@dataclass(frozen=True)
class DatasetCheck:
    """What a data set holds.

    Attributes:
        images: that there are, read or not.
        sequences: of video, that they are from.
        sizes: (H, W) of the labels, which are those of the stored images, and how many images have
            it; most frequent first.
        pixels: of each class; `void`: of none.
        present: how many images show each class.
        problems: the first ones, in sentences that name the file.
        faulty: how many images have a problem.
        unpaired: labels that no image asks for.
        values: values in label files, before any label map, and the number of pixels of each.
        unusable: why the labels as a whole cannot be used, though each file can; else empty.
        notes: as of `SegmentationDataset`.
    """

    name: str
    split: str
    images: int
    sequences: int
    sizes: tuple[tuple[tuple[int, int], int], ...]
    classes: ClassTable
    pixels: tuple[int, ...]
    void: int
    present: tuple[int, ...]
    problems: tuple[str, ...]
    faulty: int
    unpaired: tuple[Path, ...]
    values: tuple[tuple[int, int], ...] = ()
    unusable: str = ""
    notes: tuple[str, ...] = ()

    @property
    def is_fine(self) -> bool:
        """Whether every file can be used, and all of them together."""
        return not self.faulty and not self.unpaired and not self.unusable

    @property
    def shares(self) -> tuple[float, ...]:
        """Of each class, of all pixels that are not void."""
        labelled = max(sum(self.pixels), 1)
        return tuple(count / labelled for count in self.pixels)

    @property
    def void_share(self) -> float:
        """Of void, of all pixels."""
        return self.void / max(sum(self.pixels) + self.void, 1)


def check_dataset(
    dataset: SegmentationDataset, *, most: int = 10, progress: Progress | None = None
) -> DatasetCheck:
    """Read every image and label of a data set.

    Open it with `check=False`: otherwise the first missing label, or wrong size, is an error there.

    Args:
        most: problems to tell; all are counted.
    """
    pixels = np.zeros(VOID + 1, dtype=np.int64)
    present = np.zeros(VOID + 1, dtype=np.int64)
    sizes: Counter[tuple[int, int]] = Counter()
    problems: list[str] = []
    values: Counter[int] = Counter()
    masks: list[str] = []
    for index in range(len(dataset)):
        own: dict[int, int] = {}
        with contextlib.suppress(InputError):  # reading the sample reports it
            own = dataset.label_values(index)
            values.update(own)
        try:
            label = dataset[index].label
        except InputError as error:
            problems.append(str(error))
        else:
            found = np.bincount(label.numpy().ravel(), minlength=VOID + 1)
            pixels += found
            present += found > 0
            sizes[(int(label.shape[-2]), int(label.shape[-1]))] += 1
            if own.keys() == {0, VOID} and found[VOID] == own[VOID]:
                masks.append(dataset.source(index))
            if found[:VOID].sum() == 0:
                problems.append(
                    f"{dataset.source(index)}: expected labels of some class, found nothing but "
                    "void; label the image, or remove it."
                )
        if progress is not None:
            progress("reading", index + 1, len(dataset))
    known = len(dataset.classes)
    return DatasetCheck(
        name=dataset.name,
        split=dataset.split,
        images=len(dataset),
        sequences=len(set(dataset.sequences)),
        sizes=tuple(sizes.most_common()),
        classes=dataset.classes,
        pixels=tuple(map(int, pixels[:known])),
        void=int(pixels[VOID]),
        present=tuple(map(int, present[:known])),
        problems=tuple(problems[:most]),
        faulty=len(problems),
        unpaired=tuple(dataset.unpaired_labels()),
        values=tuple(sorted(values.items())),
        unusable=_unusable(dataset),
        notes=(*dataset.notes, *_note_of_masks(masks, dataset)),
    )


def _note_of_masks(masks: list[str], dataset: SegmentationDataset) -> Iterator[str]:
    """Yield a sentence if some labels of two classes look like masks of 0 and 255."""
    if len(dataset.classes) == 2 and masks:
        yield (
            f"{len(masks)} of {len(dataset)} labels have 0 and 255 alone ({Path(masks[0]).name}), "
            "and 255 is void: if it is the foreground there, its pixels are lost; store all labels "
            "in one way, or say what 255 is (label_map)"
        )


def _unusable(dataset: SegmentationDataset) -> str:
    try:
        dataset.require_classes()
    except InputError as error:
        return str(error)
    return ""
