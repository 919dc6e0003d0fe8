"""Image and label files: found, opened and checked, with every error naming its file.

Light on purpose: numpy, and Pillow where a file is opened. `segprune prune` needs no torchvision.
"""

from __future__ import annotations

import contextlib
import os
import struct
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from segprune.errors import InputError
from segprune.format import few

if TYPE_CHECKING:
    from PIL import Image

__all__ = [
    "SUFFIXES",
    "VOID",
    "Head",
    "Pixels",
    "find_label",
    "images_in",
    "left_out",
    "read_bytes",
    "read_head",
    "read_image",
    "read_indices",
    "read_palette",
    "require_label",
    "spread",
]

Pixels = np.ndarray[Any, np.dtype[np.uint8]]
Item = TypeVar("Item")

VOID = 255
"""The index of pixels that belong to no class."""

SUFFIXES = (".jpg", ".jpeg", ".png")

_OTHER_PICTURES = (
    ".avif", ".bmp", ".dng", ".exr", ".gif", ".heic", ".heif", ".jfif", ".jp2", ".jpe", ".jxl",
    ".npy", ".pbm", ".pgm", ".ppm", ".raw", ".tga", ".tif", ".tiff", ".webp",
)  # fmt: skip

_OF_INDICES = ("1", "L", "P")
_OF_COLOURS = (*_OF_INDICES, "LA", "PA", "RGB", "RGBA", "CMYK", "YCbCr")
"""Pillow's modes with 8 bits a channel; what has more would be cut off at 255."""

_LOSSY = ("JPEG", "MPO", "WEBP", "JPEG2000", "AVIF")
_ORIENTATION = 0x0112
_SIDEWAYS = (5, 6, 7, 8)
"""EXIF orientations whose upright picture has height and width exchanged."""


def require_label(image: Path, label: Path, advice: str) -> None:
    """Raises InputError where an image has no label; `advice` says what to do about it."""
    if label.is_file():
        return
    folder = label.parent
    alike = sorted(
        path.name
        for path in (folder.iterdir() if folder.is_dir() else ())
        if path.stem.lower() == label.stem.lower()
    )
    beside = f" but {', '.join(alike[:3])}, and labels are .png of the same name" if alike else ""
    raise InputError(f"{image}: expected its label {label}, found none{beside}; {advice}.")


def find_label(place: Path) -> Path:
    """Find the label at a path whose suffix is .png in either case; return `place` if none is.

    Raises:
        InputError: two labels differ only in the case of their suffix.
    """
    found = [path for s in (".png", ".PNG", ".Png") if (path := place.with_suffix(s)).is_file()]
    if len(found) > 1 and not found[0].samefile(found[1]):
        raise InputError(
            f"{found[0]}: expected one label of that name, found {found[1].name} too; remove one."
        )
    return found[0] if found else place.with_suffix(".png")


def left_out(folder: Path, *, recursive: bool = False) -> tuple[str, ...]:
    """Return notes about pictures in a folder that are not read because of their format."""
    paths = folder.rglob("*") if recursive else folder.iterdir()
    found = sorted(p for p in paths if p.suffix.lower() in _OTHER_PICTURES and p.is_file())
    if not found:
        return ()
    names = few([path.relative_to(folder).as_posix() for path in found])
    kinds = ", ".join(sorted({path.suffix.lower() for path in found}))
    return (
        f"left out of {folder.name}: {len(found)} of the kind {kinds} ({names}); images are "
        f"{', '.join(SUFFIXES)}: convert them",
    )


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


@dataclass(frozen=True)
class Head:
    """Size and orientation of an image, read from the head of its file.

    Attributes:
        size: (H, W) of the upright picture.
        orientation: EXIF's; 1 is upright as stored.
    """

    size: tuple[int, int]
    orientation: int


def read_head(path: Path) -> Head:
    """Read size and orientation from the file's head alone; errors as for `read_image`."""
    with _opened(path) as image:
        _require_one_frame(path, image)
        # Pillow would decode the whole of a PNG to look for EXIF behind its pixels.
        early = image.format != "PNG" or "exif" in image.info
        orientation = _orientation(image) if early else 1
        size = (image.height, image.width)
        return Head(size[::-1] if orientation in _SIDEWAYS else size, orientation)


def read_image(path: Path, size: Sequence[int] | None = None) -> Pixels:
    """Pixels `(H, W, 3)` of an image, RGB, resized (bilinear) where a size (H, W) is given.

    The image is turned upright as its EXIF orientation says, since people label what they see.
    Transparency is dropped: the stored colours are returned.

    Raises:
        InputError: it cannot be read, has more than 8 bits a channel, or several frames.
    """
    with _opened(path) as image:
        _require_one_frame(path, image)
        if image.mode not in _OF_COLOURS:
            raise InputError(
                f"{path}: expected 8 bits for each of R, G and B, found mode {image.mode}; "
                "convert the image."
            )
        upright = _upright(image)
        if upright.mode == "P" and "transparency" in upright.info:
            upright = upright.convert("RGBA")  # else Pillow would warn
        return np.array(_resized(upright.convert("RGB"), size, "BILINEAR"))


def read_indices(
    path: Path, size: Sequence[int] | None = None, known: Collection[int] = ()
) -> Pixels:
    """Values `(H, W)` of a label file, resized (nearest) where a size (H, W) is given.

    Values are those that the file stores, at any depth up to 8 bits. (Pillow spreads grey values of
    2 and 4 bits over 0 to 255.)

    Args:
        known: values with a meaning, to find palettes whose grey levels could be the classes.

    Raises:
        InputError: it cannot be read, holds colours, or its values are not stored exactly.
    """
    with _opened(path) as image:
        _require_one_frame(path, image)
        depth, grey = _png_depth(path) if image.format == "PNG" else (8, False)
        if image.format in _LOSSY:
            raise InputError(
                f"{path}: expected class indices as they were drawn, found a {image.format}, whose "
                "compression changes them; store labels as PNG."
            )
        if image.mode not in _OF_INDICES:
            raise InputError(
                f"{path}: expected 8-bit class indices, found mode {image.mode}; store indices, "
                "not colours: each pixel's class in an 8-bit PNG of one channel. Labels of several "
                "channels (multilabel) are not supported."
            )
        upright = _resized(_upright(image), size, "NEAREST")
        values = np.array(upright).astype(np.uint8)
        if grey and depth in (2, 4):
            values //= 255 // (2**depth - 1)
        if image.mode == "P":
            _require_clear_palette(path, image, values, known)
        return values


def read_palette(path: Path) -> tuple[tuple[int, ...], ...]:
    """Read the colours (R, G, B) of a palette from a file's head; empty if it has none."""
    with _opened(path) as image:
        if image.mode != "P" or image.palette is None:
            return ()
        kind, raw = image.palette.getdata()  # `getpalette` would decode the pixels
        step = len(kind.split(";")[0])
        return tuple(tuple(raw[at : at + 3]) for at in range(0, len(raw) - step + 1, step))


def _png_depth(path: Path) -> tuple[int, bool]:
    """Read the bits of a sample, and whether it is grey without alpha, from a PNG's first chunk."""
    with path.open("rb") as stream:
        head = stream.read(26)
    return head[24], head[25] == 0


def _require_clear_palette(
    path: Path, image: Image.Image, values: Pixels, known: Collection[int]
) -> None:
    """Refuse palettes whose grey levels could be the classes, as programs that shrink PNGs make."""
    palette = image.getpalette("RGB") or []
    used = [int(v) for v in np.unique(values) if 3 * int(v) + 3 <= len(palette)]
    shown = {v: tuple(palette[3 * v : 3 * v + 3]) for v in used}
    greys = {v: colour[0] for v, colour in shown.items() if len(set(colour)) == 1}
    other = [v for v in used if greys.get(v) != v]
    if len(greys) < len(used) or not all(grey in known for grey in greys.values()):
        return
    if other and set(greys.items()) - {(0, 0), (1, VOID)}:
        raise InputError(
            f"{path}: expected a palette whose colours cannot be taken for classes, found index "
            f"{other[0]} with the grey {greys[other[0]]}, and both could be meant; store the class "
            "indices as an 8-bit grey PNG without a palette."
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


def _require_one_frame(path: Path, image: Image.Image) -> None:
    frames = getattr(image, "n_frames", 1)
    if frames > 1 and image.format != "MPO":  # phones write MPO, and the photograph is first
        raise InputError(
            f"{path}: expected a single picture, found {frames} frames ({image.format}); store "
            "each as a file of its own."
        )


def _orientation(image: Image.Image) -> int:
    found = image.getexif().get(_ORIENTATION, 1)
    return found if isinstance(found, int) and 1 <= found <= 8 else 1


def _upright(image: Image.Image) -> Image.Image:
    from PIL import ImageOps

    image.load()
    return ImageOps.exif_transpose(image) if _orientation(image) != 1 else image


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
