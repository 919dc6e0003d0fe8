"""Image and label files: found, opened and checked, with every error naming its file.

Light on purpose: numpy, and Pillow where a file is opened. `segprune prune` needs no torchvision.
"""

from __future__ import annotations

import contextlib
import os
import struct
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from segprune.errors import InputError

if TYPE_CHECKING:
    from PIL import Image

__all__ = [
    "SUFFIXES",
    "VOID",
    "Pixels",
    "check_indices",
    "images_in",
    "read_bytes",
    "read_image",
    "read_indices",
    "require_folder",
    "require_label",
    "size_of",
    "spread",
]

Pixels = np.ndarray[Any, np.dtype[np.uint8]]
Item = TypeVar("Item")

VOID = 255
"""The index of pixels that belong to no class."""

SUFFIXES = (".jpg", ".jpeg", ".png")

_OF_INDICES = ("1", "L", "P")
_OF_COLOURS = (*_OF_INDICES, "LA", "PA", "RGB", "RGBA", "CMYK", "YCbCr")
"""Pillow's modes with 8 bits a channel; what has more would be cut off at 255."""


def require_folder(path: Path, expected: str) -> None:
    """Raises InputError where there is no such folder; `expected` says what should be in it."""
    if not path.is_dir():
        found = "a file" if path.exists() else "nothing"
        raise InputError(f"{path}: expected {expected}, found {found}; check the path.")


def require_label(image: Path, label: Path, advice: str) -> None:
    """Raises InputError where an image has no label; `advice` says what to do about it."""
    if not label.is_file():
        raise InputError(f"{image}: expected its label {label}, found none; {advice}.")


def images_in(folder: Path, *, recursive: bool = False) -> list[Path]:
    """The image files of a folder, by path.

    Raises:
        InputError: a link to an image that is not there, as tools for large files leave them.
    """
    paths = folder.rglob("*") if recursive else folder.iterdir()
    found = sorted(p for p in paths if p.suffix.lower() in SUFFIXES and not p.is_dir())
    for path in found:
        if not path.exists():
            raise InputError(
                f"{path}: expected an image, found a link to {os.readlink(path)}, which is not "
                "there; fetch it (git annex, dvc …), or remove the link."
            )
    return [path for path in found if path.is_file()]


def spread(items: Sequence[Item], count: int | None) -> Sequence[Item]:
    """So many of the items, evenly spaced, for neighbours in a video are mostly alike; None: all.

    Fewer where there are not as many.
    """
    if count is None or count >= len(items):
        return items
    return [items[place * len(items) // count] for place in range(count)]


def read_bytes(path: Path) -> bytes:
    """A file's content; errors as for `read_image`."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise _unreadable(path, error) from error


def size_of(path: Path) -> tuple[int, int]:
    """(H, W), from the file's head alone; errors as for `read_image`."""
    with _opened(path) as image:
        return image.height, image.width


def read_image(path: Path, size: Sequence[int] | None = None) -> Pixels:
    """Pixels `(H, W, 3)` of an image, RGB, resized (bilinear) where a size (H, W) is given.

    Raises:
        InputError: it cannot be read, or has more than 8 bits a channel.
    """
    with _opened(path) as image:
        if image.mode not in _OF_COLOURS:
            raise InputError(
                f"{path}: expected 8 bits for each of R, G and B, found mode {image.mode}; "
                "convert the image."
            )
        return np.array(_resized(image.convert("RGB"), size, "BILINEAR"))


def read_indices(path: Path, size: Sequence[int] | None = None) -> Pixels:
    """Values `(H, W)` of a label file, resized (nearest) where a size (H, W) is given.

    Raises:
        InputError: it cannot be read, or holds colours.
    """
    with _opened(path) as image:
        if image.mode not in _OF_INDICES:
            raise InputError(
                f"{path}: expected 8-bit class indices, found mode {image.mode}; store indices, "
                "not colours."
            )
        return np.array(_resized(image, size, "NEAREST")).astype(np.uint8)


def check_indices(path: Path, indices: Pixels, count: int, whose: str, advice: str) -> None:
    """Raises InputError where an index is neither below `count` nor void.

    Args:
        whose: what has so many classes.
        advice: what to do about it.
    """
    wrong = np.unique(indices[(indices >= count) & (indices != VOID)])
    if wrong.size:
        more = " and more" if wrong.size > 5 else ""
        raise InputError(
            f"{path}: expected class indices below {count}, {whose}, or {VOID} for void, found "
            f"{', '.join(map(str, wrong[:5]))}{more}; {advice}."
        )


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[Image.Image]:
    """An image; whatever reading raises inside the block, where Pillow decodes, names the file."""
    try:
        from PIL import Image
    except ModuleNotFoundError as error:
        raise InputError(
            "data: expected Pillow to read images with, found that it is not installed; "
            "run: pip install pillow."
        ) from error
    try:
        with Image.open(path) as image:
            yield image
    except (
        OSError, SyntaxError, ValueError, EOFError, struct.error, Image.DecompressionBombError,
    ) as error:  # fmt: skip
        raise _unreadable(path, error) from error


def _resized(image: Image.Image, size: Sequence[int] | None, how: str) -> Image.Image:
    if size is None:
        image.load()
        return image
    from PIL import Image

    return image.resize((size[1], size[0]), Image.Resampling[how])


def _unreadable(path: Path, error: Exception) -> InputError:
    return InputError(
        f"{path}: expected an image that can be read, found {type(error).__name__}: {error}; "
        "repair or remove the file."
    )
