"""Files that have to agree: a label with its image, palettes with one another, and two splits.

Each file alone can be read; what is wrong shows only where two are compared.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np

from segprune.data.reading import (
    Head,
    read_bytes,
    read_head,
    read_image,
    read_indices,
    read_palette,
)
from segprune.errors import InputError

__all__ = ["note_of_shared", "require_one_meaning", "require_one_size", "require_size_of_image"]

Colour = tuple[int, ...]


def require_size_of_image(image: Path, label: Path) -> Head:
    """Require that a label has the size of its image, by their heads; return the image's.

    Raises:
        InputError: another size, or a file that cannot be read.
    """
    head, drawn = read_head(image), read_head(label)
    if head.size != drawn.size:
        # Behind the pixels of a PNG there may be an orientation, which its head does not show.
        height, width = read_image(image).shape[:2]
        require_one_size(label, Head((height, width), head.orientation), drawn.size)
    return head


def require_one_size(label: Path, image: Head, size: Sequence[int]) -> None:
    """Raise InputError if a label's size (H, W) is not that of the upright image."""
    if image.size != tuple(size):
        turned = (
            f" (its image is turned upright, as its EXIF orientation {image.orientation} says: "
            "labels must be drawn on upright images, or the orientation be removed)"
        )
        raise InputError(
            f"{label}: expected the height×width of its image, {image.size[0]}×"
            f"{image.size[1]}, found {size[0]}×{size[1]}"
            f"{turned if image.orientation != 1 else ''}; both must be stored at one size."
        )


def require_one_meaning(
    labels: Iterable[Path], colours: Sequence[Colour], meaning: Callable[[int], int | None]
) -> None:
    """Require that a colour has one index in all label files with palettes.

    A program that reduces colours gives each file a palette of its own. The same class then has
    another index in another file, and each file by itself looks fine.

    Args:
        colours: of the class table. A file that shows only these, at other indices, is refused.
        meaning: the class index of a value in label files.

    Raises:
        InputError: a colour has two indices; both files are named.
    """
    palettes = {path: palette for path in labels if (palette := _palette_of(path))}
    table = {colour: index for index, colour in enumerate(colours) if colours.count(colour) == 1}
    longest = max(palettes.values(), key=len, default=())
    if all(palette == longest[: len(palette)] for palette in palettes.values()):
        palettes = dict(list(palettes.items())[:1])  # one order for all: any file stands for it
    known: dict[Colour, tuple[int, Path]] = {}
    for path, palette in palettes.items():
        shown = _shown(path, palette)
        for colour, index in shown.items():
            before, first = known.setdefault(colour, (index, path))
            if before != index:
                raise InputError(
                    f"{path}: expected one index for each colour in all labels, found the colour "
                    f"{colour} at index {index} of its palette, and at {before} of that of "
                    f"{first}: a program has chosen the palette of each file anew; {_REMEDY}."
                )
        wrong = [c for c, index in shown.items() if c in table and meaning(index) != table[c]]
        if wrong and shown.keys() <= table.keys():
            raise InputError(
                f"{path}: expected the colour {wrong[0]} at index {table[wrong[0]]}, as in the "
                f"class table, found it at index {shown[wrong[0]]} of the palette; {_REMEDY}."
            )


_REMEDY = (
    "look up the class of each colour, and store the class indices as 8-bit grey PNGs without a "
    "palette"
)


def _palette_of(path: Path) -> tuple[Colour, ...]:
    try:
        return read_palette(path)
    except InputError:
        return ()  # reading the sample reports a broken file


def _shown(path: Path, palette: Sequence[Colour]) -> dict[Colour, int]:
    """Return the index of each colour that a label shows, if it is one index alone."""
    try:
        used = [int(v) for v in np.unique(read_indices(path)) if int(v) < len(palette)]
    except InputError:
        return {}
    found = defaultdict(list)
    for index in used:
        found[palette[index]].append(index)
    return {colour: own[0] for colour, own in found.items() if len(own) == 1}


def note_of_shared(training: Sequence[Path], validation: Sequence[Path]) -> Iterator[str]:
    """Yield a sentence if image files of two splits are the same, byte for byte."""
    sizes = {path.stat().st_size for path in training}
    alike = [path for path in validation if path.stat().st_size in sizes]
    suspects = {path.stat().st_size for path in alike}
    known = {_digest(path): path for path in training if path.stat().st_size in suspects}
    shared = [(path, known[key]) for path in alike if (key := _digest(path)) in known]
    if shared:
        one, other = shared[0]
        yield (
            f"{len(shared)} of {len(validation)} images for validation are images for training, "
            f"too ({one.name} is {other.name}): scores on them say nothing about other images; "
            "remove them from one of the two splits"
        )


def _digest(path: Path) -> bytes:
    return hashlib.sha256(read_bytes(path)).digest()
