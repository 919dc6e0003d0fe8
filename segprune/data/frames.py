"""Frames from a folder: what importances look at, and what a pruned network is proved on.

Images are found recursively. Where a folder `images` has a sibling `labels`, each image has a label
there: the same path with the suffix .png, 8-bit class indices, 255 for void. Where `classes.toml`
lies beside these folders, or beside the folder of their split, its label map is used.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from segprune.data.agreement import require_size_of_image
from segprune.data.classes import read_table
from segprune.data.label_map import LabelMap, LabelValues, remedy_for
from segprune.data.names import require_folder
from segprune.data.reading import (
    SUFFIXES,
    VOID,
    find_label,
    images_in,
    left_out,
    read_bytes,
    read_image,
    read_indices,
    require_label,
    spread,
)
from segprune.errors import InputError
from segprune.records.preprocessing import Preprocessing

__all__ = [
    "VOID",
    "Frame",
    "Frames",
    "find_frames",
    "in_batches",
    "label_values",
    "read_batches",
    "require_three_channels",
]


@dataclass(frozen=True)
class Frame:
    """An image file, and the file with its labels where there is one."""

    image: Path
    label: Path | None


@dataclass(frozen=True)
class Frames:
    """Frames in memory.

    Attributes:
        batches: images `(N, 3, H, W)` float32, normalised; each with labels `(N, H, W)` int64 if
            all frames have them.
        count: how many frames.
        labelled: whether they have labels.
        digest: SHA-256 over the files' contents.
        notes: sentences that the user has to see, such as which pictures are left out.
    """

    batches: tuple[Any, ...]
    count: int
    labelled: bool
    digest: str
    notes: tuple[str, ...] = ()

    @property
    def images(self) -> Tensor:
        """The first batch of images, `(N, 3, H, W)`."""
        first = self.batches[0]
        images: Tensor = first[0] if self.labelled else first
        return images


def find_frames(folder: Path, *, labels: bool = True) -> tuple[Frame, ...]:
    """Every image below a folder, by path; label files are not taken for images.

    Raises:
        InputError: no such folder, no image in it, an image without its label beside others that
            have one, two images with one label, or pictures that look like labels in a folder of
            another name.
    """
    require_folder(folder, "a folder of images")
    frames = tuple(
        Frame(path, _label_of(path) if labels else None)
        for path in images_in(folder, recursive=True)
        if not _is_label(path.absolute())
    )
    if not frames:
        raise InputError(
            f"{folder}: expected images ({', '.join(SUFFIXES)}), found none in it or below; "
            "pass a folder that holds some."
        )
    _require_own_labels(frames)
    _require_photographs(frames)
    return frames


def _require_own_labels(frames: Sequence[Frame]) -> None:
    first: dict[Path, Path] = {}
    for frame in frames:
        if frame.label is None:
            continue
        other = first.setdefault(frame.label, frame.image)
        if other != frame.image:
            raise InputError(
                f"{frame.image}: expected a label of its own, found that {other.name} has the same "
                "one; remove one of the two images, or rename it."
            )


def _require_photographs(frames: Sequence[Frame]) -> None:
    """Raise InputError for a folder beside `images` whose pictures have the names of the images.

    Those are labels (masks, annotations) or other data: they would be taken for photographs.
    """
    names = {
        (parent.parent, frame.image.absolute().relative_to(parent).with_suffix(""))
        for frame in frames
        for parent in frame.image.absolute().parents
        if parent.name == "images"
    }
    for path in (frame.image.absolute() for frame in frames) if names else ():
        for parent in path.parents:
            key = (parent.parent, path.relative_to(parent).with_suffix(""))
            if parent.name != "images" and key in names:
                raise InputError(
                    f"{parent}: expected photographs, found pictures with the names of those in "
                    f"{parent.with_name('images')}; if they are labels, call their folder labels, "
                    "or pass the folder of the images alone."
                )


def _sibling(path: Path, own: str, other: str) -> Path | None:
    """The path with its innermost folder `own` exchanged for `other`, if that exists beside it."""
    for parent in path.parents:
        if parent.name == own and parent.with_name(other).is_dir():
            return parent.with_name(other) / path.relative_to(parent)
    return None


def _is_label(path: Path) -> bool:
    return _sibling(path, "labels", "images") is not None


def _label_of(image: Path) -> Path | None:
    label = _sibling(image.absolute(), "images", "labels")
    if label is None:
        return None
    label = find_label(label)
    require_label(image, label, "add it, or move the images to a folder without labels beside it")
    return label


def read_batches(
    folder: Path,
    count: int,
    size: Sequence[int],
    num_classes: int | None = None,
    *,
    labels: bool = True,
    preprocessing: Preprocessing | None = None,
    label_map: LabelMap | None = None,
) -> Frames:
    """Read evenly spaced frames of a folder, resized and normalised.

    Neighbours in a folder are mostly neighbours in a video, so the frames are taken far apart.

    Args:
        count: batches wanted; fewer where the folder does not hold enough, but at least one.
        size: of a batch, `(N, 3, H, W)`.
        num_classes: labels must be below it, or `VOID`; None does not check.
        labels: False leaves them on disk, where nothing needs them.
        preprocessing: how pixels are normalised; None: with ImageNet's mean and deviation.
        label_map: what single values in label files mean; None: what `classes.toml` says.

    Raises:
        InputError: a file that cannot be read, named, or labels that are no class indices.
    """
    require_three_channels(size)
    found = find_frames(folder, labels=labels)
    batch = min(size[0], len(found))
    wanted = min(count * batch, len(found) // batch * batch)
    chosen = spread(found, wanted)
    labelled = all(frame.label is not None for frame in chosen)
    digest = hashlib.sha256()
    images, indices = [], []
    values = label_values(label_map, chosen, num_classes)
    for frame in chosen:
        digest.update(read_bytes(frame.image))
        images.append(torch.from_numpy(read_image(frame.image, size[2:])).permute(2, 0, 1))
        if labelled and frame.label is not None:
            require_size_of_image(frame.image, frame.label)
            digest.update(read_bytes(frame.label))
            indices.append(_read_label(frame.label, size[2:], values))
    if labelled:
        _require_classes(found, values)
    batches = in_batches(images, indices if labelled else None, batch, preprocessing)
    notes = (*left_out(folder, recursive=True), *_several_splits(folder, found))
    return Frames(batches, wanted, labelled, digest.hexdigest(), notes)


def require_three_channels(size: Sequence[int]) -> None:
    """Raise InputError unless a batch of this size, `(N, 3, H, W)`, holds images."""
    if len(size) != 4 or size[1] != 3:
        raise InputError(
            f"input: expected Nx3xHxW for images, found {'x'.join(map(str, size))}; "
            "images have three channels."
        )


def in_batches(
    images: Sequence[Tensor],
    labels: Sequence[Tensor] | None,
    batch: int,
    preprocessing: Preprocessing | None = None,
) -> tuple[Any, ...]:
    """Stack images uint8 `(3, H, W)`, normalised, and their labels, as `Frames` holds them."""
    prepare = preprocessing or Preprocessing()
    groups = [slice(start, start + batch) for start in range(0, len(images), batch)]
    stacked = [prepare(torch.stack(tuple(images[group]))) for group in groups]
    if labels is None:
        return tuple(stacked)
    indices = [torch.stack(tuple(labels[group])) for group in groups]
    return tuple(zip(stacked, indices, strict=True))


def _several_splits(folder: Path, frames: Sequence[Frame]) -> Iterator[str]:
    """A note where images for training and for validation lie below one folder."""
    below = {frame.image.relative_to(folder).parts[0] for frame in frames}
    held_back = sorted(below & {"val", "valid", "validation", "test"})
    if "train" in below and held_back:
        yield (
            f"images of train and of {held_back[0]} alike are looked at in {folder.name}; pass "
            f"{folder.name}/train, or what is chosen by them cannot be judged on the others"
        )


def label_values(
    label_map: LabelMap | None, frames: Sequence[Frame], num_classes: int | None = None
) -> LabelValues:
    """Return the meaning of the values in the labels of frames.

    Args:
        label_map: the meaning of single values; None: the map of the class table beside the
            frames, if there is one.
        num_classes: the network's number of classes; None: not known.
    """
    if label_map is None and frames and frames[0].label is not None:
        label_map = _written_map(frames[0].image)
    return LabelValues(
        num_classes or VOID, label_map, whose="the network's number of them",
        advice="build the network with more classes, or map the labels (label_map)",
    )  # fmt: skip


def _read_label(path: Path, size: Sequence[int], values: LabelValues) -> Tensor:
    return torch.from_numpy(values(path, read_indices(path, size, values.known))).long()


def _written_map(image: Path) -> LabelMap | None:
    """Read the label map of the class table beside `images`, or beside the folder that holds it."""
    for parent in image.absolute().parents:
        if parent.name == "images":
            tables = (folder / "classes.toml" for folder in (parent.parent, parent.parent.parent))
            return next((read_table(path)[1] for path in tables if path.is_file()), None)
    return None


def _require_classes(frames: Sequence[Frame], values: LabelValues) -> None:
    """Raise InputError for masks of 0 and 255, whose 255 would be void, and for void alone."""
    found: set[int] = set()
    for frame in frames:
        if frame.label is not None:
            found.update(map(int, np.unique(read_indices(frame.label, known=values.known))))
        shown = {values.meaning(value) for value in found} - {VOID}
        if None in shown or len(shown) > 1:
            return
    if not shown or (found == {0, VOID} and shown == {0}):
        raise InputError(
            f"{frames[0].label}: expected labels of more than one class, found "
            f"{'one' if shown else 'void'} alone in all "
            f"{len(frames)} labels, with the values {', '.join(map(str, sorted(found)))}; "
            f"{remedy_for(found)}."
        )
