"""Read every image of a data set: what there is of each class, and what is wrong."""

from __future__ import annotations

import contextlib
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from segprune.data.classes import ClassTable
from segprune.data.dataset import SegmentationDataset
from segprune.data.label_map import advice_for
from segprune.data.reading import VOID
from segprune.data.sequences import sequences_of
from segprune.errors import InputError

__all__ = ["DatasetCheck", "check_dataset"]

_SHOWN = 5
"""Names of files with a problem that another one has, too."""

Progress = Callable[[str, int, int], None]
"""Called with what is done, images done, and images in all."""


@dataclass(frozen=True)
class DatasetCheck:
    """What a data set holds.

    Attributes:
        images: that there are, read or not.
        sequences: of video, that they are from; an image of no known sequence counts as one.
        sizes: (H, W) of the labels, which are those of the stored images, and how many images have
            it; most frequent first.
        pixels: of each class; `void`: of none.
        present: how many images show each class.
        problems: the first ones, in sentences that name the file.
        faulty: how many images have a problem.
        unpaired: labels that no image asks for.
        values: values in label files, before any label map, and the number of pixels of each.
        advice: what values in the labels usually mean that do not fit the class table; else empty.
        summary: the first problems, with one sentence for all files that have the same one; kinds:
            how many such sentences there are in all.
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
    summary: tuple[str, ...] = ()
    kinds: int = 0
    advice: str = ""
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
    problems: list[tuple[str, str]] = []
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
            problems.append((dataset.source(index), str(error)))
        else:
            found = np.bincount(label.numpy().ravel(), minlength=VOID + 1)
            pixels += found
            present += found > 0
            sizes[(int(label.shape[-2]), int(label.shape[-1]))] += 1
            if own.keys() == {0, VOID} and found[VOID] == own[VOID]:
                masks.append(dataset.source(index))
            if found[:VOID].sum() == 0:
                source = dataset.source(index)
                text = "expected labels of some class, found nothing but void; label the image, or"
                problems.append((source, f"{source}: {text} remove it."))
        if progress is not None:
            progress("reading", index + 1, len(dataset))
    known = len(dataset.classes)
    grouped = _grouped(problems)
    return DatasetCheck(
        name=dataset.name,
        split=dataset.split,
        images=len(dataset),
        sequences=len(set(sequences_of(dataset.sequences, dataset.sequences).labels)),
        sizes=tuple(sizes.most_common()),
        classes=dataset.classes,
        pixels=tuple(map(int, pixels[:known])),
        void=int(pixels[VOID]),
        present=tuple(map(int, present[:known])),
        problems=tuple(text for _, text in problems[:most]),
        faulty=len(problems),
        summary=grouped[:most],
        kinds=len(grouped),
        advice=advice_for(values, known) if any("class indices" in t for _, t in problems) else "",
        unpaired=tuple(dataset.unpaired_labels()),
        values=tuple(sorted(values.items())),
        unusable=_unusable(dataset),
        notes=(*dataset.notes, *_note_of_masks(masks, dataset)),
    )


def _grouped(problems: Sequence[tuple[str, str]]) -> tuple[str, ...]:
    """Join the problems that differ in nothing but the file.

    Args:
        problems: a file and a sentence that begins with a path.
    """
    groups: dict[str, list[tuple[str, str]]] = {}
    for source, text in problems:
        name = Path(source).name
        groups.setdefault(re.sub(rf"\S*{re.escape(name)}", "", text), []).append((name, text))
    joined = []
    for group in groups.values():
        (_, text), *others = group
        names = ", ".join(name for name, _ in others[:_SHOWN])
        more = ", …" if len(others) > _SHOWN else ""
        also = f" The same with {len(others)} more: {names}{more}." if others else ""
        joined.append(f"{text}{also}")
    return tuple(joined)


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
