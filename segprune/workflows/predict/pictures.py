"""Where pictures to look at come from: an image, a folder, a video, or a data set by name."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from segprune.data.classes import ClassTable
from segprune.data.frames import Frame, find_frames, label_values
from segprune.data.label_map import LabelMap, LabelValues, read_label_map
from segprune.data.opening import NAMES, open_dataset
from segprune.data.reading import SUFFIXES, left_out, read_image, read_indices, spread
from segprune.errors import InputError
from segprune.reporting.pictures.moving import VIDEO_SUFFIXES, open_video

__all__ = ["Picture", "Pictures", "open_pictures"]


@dataclass(frozen=True)
class Picture:
    """One picture.

    Attributes:
        name: unique in its source, and fit for a file's name.
        image: uint8 `(3, H, W)`.
        label: class indices `(H, W)`, 255 for void, or None.
        where: its file, for messages.
    """

    name: str
    image: Tensor
    label: Tensor | None
    where: str


@dataclass(frozen=True)
class Pictures:
    """Pictures that are read one after the other.

    Attributes:
        name: of the image, folder, video or data set, without what is above it.
        pictures: starts reading from the beginning.
        count: how many; 0 where a video does not say.
        rate: frames per second of a video, else None.
        classes: of a data set, else None.
        notes: sentences that the user has to see, such as which pictures are left out.
    """

    name: str
    pictures: Callable[[], Iterator[Picture]]
    count: int
    rate: Fraction | None = None
    classes: ClassTable | None = None
    notes: tuple[str, ...] = ()


def open_pictures(
    source: str,
    *,
    root: Path | None = None,
    split: str = "val",
    count: int | None = None,
    size: tuple[int, int] | None = None,
    labels: bool = True,
    label_map: Mapping[Any, Any] | None = None,
) -> Pictures:
    """Find out what is meant, and look at it; nothing is read yet.

    Args:
        source: a path, or the name of a data set (a folder of that name is `./name`).
        root, split: of a data set.
        count: so many evenly spaced pictures, or the first frames of a video.
        size: (H, W) of scenes of "streets", which are painted at any size.
        labels: whether labels beside images are used.
        label_map: what single values in label files mean; None: what `classes.toml` says.

    Raises:
        InputError: nothing of the kind, or nothing in it; see `open_dataset`.
    """
    if count is not None and count < 1:
        raise InputError(f"count: expected at least 1, found {count}.")
    path = Path(source)
    if source in NAMES:
        size = size if source == "streets" else None
        return _dataset(source, root, split, count, size, labels, label_map)
    if root is not None:
        raise InputError(
            f"root: expected it with the name of a data set ({', '.join(NAMES)}), found "
            f"{source!r}; leave it out, or name the data set."
        )
    if path.is_dir():
        values = None if label_map is None else read_label_map(label_map, "label_map")
        return _folder(path, count, labels, values)
    if not path.is_file():
        raise InputError(
            f"{source}: expected an image, a folder of images, a video, or one of "
            f"{', '.join(NAMES)}, found nothing; check the path."
        )
    if path.suffix.lower() in VIDEO_SUFFIXES:
        return _video(path, count)
    if path.suffix.lower() not in SUFFIXES:
        raise InputError(
            f"{source}: expected an image ({', '.join(SUFFIXES)}) or a video "
            f"({', '.join(VIDEO_SUFFIXES)}), found a file of another kind; convert it."
        )
    return _files(path.stem, [(path.stem, Frame(path, None))])


def _dataset(
    name: str,
    root: Path | None,
    split: str,
    count: int | None,
    size: tuple[int, int] | None,
    labels: bool,
    label_map: Mapping[Any, Any] | None,
) -> Pictures:
    # The labels need no check if they are not used.
    dataset = open_dataset(
        name, root, split=split, size=size, count=count, label_map=label_map, check=labels
    )

    def pictures() -> Iterator[Picture]:
        for index in range(len(dataset)):
            sample = dataset[index]
            label = sample.label.as_subclass(Tensor) if labels else None
            image = sample.image.as_subclass(Tensor)
            yield Picture(_plain(sample.name), image, label, sample.name)

    return Pictures(name, pictures, len(dataset), classes=dataset.classes, notes=dataset.notes)


def _folder(path: Path, count: int | None, labels: bool, label_map: LabelMap | None) -> Pictures:
    chosen = spread(find_frames(path, labels=labels), count)
    named = [(_plain(str(f.image.relative_to(path).with_suffix(""))), f) for f in chosen]
    values = label_values(label_map, tuple(chosen))
    found = _files(path.absolute().name or "images", named, values)
    return replace(found, notes=left_out(path, recursive=True))


def _files(
    name: str, named: list[tuple[str, Frame]], values: LabelValues | None = None
) -> Pictures:
    unique: dict[str, Frame] = {}
    for own, frame in named:
        numbers = itertools.count(2)
        again = own
        while again in unique:  # a.jpg beside a.png, a/b.png beside a-b.png: all are shown
            again = f"{own}-{next(numbers)}"
        unique[again] = frame

    def pictures() -> Iterator[Picture]:
        for own, frame in unique.items():
            image = torch.from_numpy(read_image(frame.image)).permute(2, 0, 1).contiguous()
            yield Picture(own, image, _label(frame, image, values), str(frame.image))

    return Pictures(name, pictures, len(unique))


def _label(frame: Frame, image: Tensor, values: LabelValues | None) -> Tensor | None:
    if frame.label is None or values is None:
        return None
    label = torch.from_numpy(values(frame.label, read_indices(frame.label, known=values.known)))
    if label.shape != image.shape[-2:]:
        raise InputError(
            f"{frame.label}: expected the size of its image, {image.shape[-1]}x{image.shape[-2]}, "
            f"found {label.shape[-1]}x{label.shape[-2]}; both must be stored at one size."
        )
    return label


def _video(path: Path, count: int | None) -> Pictures:
    video = open_video(path)
    known = min(count or video.count, video.count)

    def pictures() -> Iterator[Picture]:
        frames = itertools.islice(video, count)
        for number, image in enumerate(frames):
            yield Picture(f"frame-{number:06d}", image, None, f"{path} frame {number}")

    return Pictures(path.stem, pictures, known, rate=video.rate)


def _plain(name: str) -> str:
    """A name for a file: folders in it become part of it."""
    return name.replace("\\", "/").replace("/", "-")
