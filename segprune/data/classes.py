"""Class tables: names and colours, in the order of the indices in label files."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from segprune.data.label_map import read_label_map
from segprune.data.reading import VOID
from segprune.errors import InputError

__all__ = ["CAMVID", "CITYSCAPES", "ClassTable", "default_colours", "read_classes", "read_table"]

Colour = tuple[int, int, int]

_APART = (
    (230, 159, 0), (86, 180, 233), (0, 158, 115), (240, 228, 66), (0, 114, 178), (213, 94, 0),
    (204, 121, 167), (220, 220, 220),
)  # fmt: skip
"""Told apart by colour-blind people too: Okabe and Ito (2008), light grey in place of black, which
is void."""

_EXAMPLE = (
    'names = ["road", "car"], and on a line of its own, if you like, '
    "colours = [[128, 64, 128], [0, 0, 142]]"
)


@dataclass(frozen=True)
class ClassTable:
    """Names of the classes and their colours; void is drawn black.

    Attributes:
        names: at least one, at most 255, no two alike.
        colours: RGB, 0 to 255, one for each name; left out, they are `default_colours`.

    Raises:
        InputError: anything else.
    """

    names: tuple[str, ...]
    colours: tuple[Colour, ...] = ()

    def __post_init__(self) -> None:
        if not self.colours:
            object.__setattr__(self, "colours", default_colours(len(self.names)))
        wrong = _wrong_names(self.names) or _wrong_colours(self.colours, len(self.names))
        if wrong:
            raise InputError(f"class table: {wrong}.")

    def __len__(self) -> int:
        return len(self.names)


def default_colours(count: int) -> tuple[Colour, ...]:
    """Colours for so many classes: eight far apart, then darker ones, then lighter ones.

    Beyond 24 they come again: nobody tells as many apart.
    """
    shades = [
        *_APART,
        *((r * 11 // 20, g * 11 // 20, b * 11 // 20) for r, g, b in _APART),
        *(((r + 255) // 2, (g + 255) // 2, (b + 255) // 2) for r, g, b in _APART),
    ]
    return tuple(shades[index % len(shades)] for index in range(count))


def read_classes(path: Path) -> ClassTable:
    """Read the class table from a TOML file, as `read_table` does."""
    return read_table(path)[0]


def read_table(path: Path) -> tuple[ClassTable, dict[int, int] | None]:
    """Read a class table and a label map from a TOML file; the map is None if it has none.

    The file has `names`, in the order of the indices, and optionally `colours` and `label_map`.

    Raises:
        InputError: no such file (the error shows what to write), or another content.
    """
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(
            f"{path}: expected a class table, found none; write one, with the names in the order "
            f"of the indices in the label files: {_EXAMPLE}; or pass classes= in Python."
        ) from None
    except (OSError, ValueError) as error:
        raise InputError(
            f"{path}: expected a class table in TOML, found {error}; write {_EXAMPLE}."
        ) from error
    unknown = sorted(content.keys() - {"names", "colours", "label_map"})
    if unknown or "names" not in content:
        found = ", ".join(unknown) or "no names"
        raise InputError(f"{path}: expected names and colours, found {found}; write {_EXAMPLE}.")
    try:
        table = ClassTable(_tuples(content["names"]), _tuples(content.get("colours", [])))
    except InputError as error:
        raise InputError(f"{path}: {str(error).rstrip('.')}; write {_EXAMPLE}.") from error
    if "label_map" not in content:
        return table, None
    return table, read_label_map(content["label_map"], f"{path}: label_map")


def _tuples(value: Any) -> Any:
    return tuple(map(_tuples, value)) if isinstance(value, list) else value


def _wrong_names(names: Any) -> str:
    """What is wrong with names, or nothing."""
    fine = isinstance(names, tuple) and all(isinstance(n, str) and n.strip() for n in names)
    if not fine or not 1 <= len(names) <= VOID:
        return f"names: expected 1 to {VOID} names, found {names!r:.80}"
    twice = sorted({name for name in names if names.count(name) > 1})
    return f"names: expected no two alike, found {twice[0]!r} twice" if twice else ""


def _wrong_colours(colours: Sequence[Any], count: int) -> str:
    if not isinstance(colours, tuple) or len(colours) != count:
        found = len(colours) if isinstance(colours, tuple) else repr(colours)
        return f"colours: expected {count}, one for each name, found {found}"
    for colour in colours:
        fine = isinstance(colour, tuple) and len(colour) == 3
        if not fine or not all(type(value) is int and 0 <= value <= 255 for value in colour):
            return f"colours: expected three integers from 0 to 255, found {colour!r:.80}"
    return ""


CAMVID = ClassTable(
    names=(
        "sky", "building", "pole", "road", "sidewalk", "tree", "sign", "fence", "car",
        "pedestrian", "bicyclist",
    ),
    colours=(
        (70, 130, 180), (70, 70, 70), (153, 153, 153), (128, 64, 128), (244, 35, 232),
        (107, 142, 35), (220, 220, 0), (190, 153, 153), (0, 0, 142), (220, 20, 60), (119, 11, 32),
    ),
)  # fmt: skip
"""CamVid's eleven classes (SegNet's map), in the colours that Cityscapes gave to the same."""

CITYSCAPES = ClassTable(
    names=(
        "road", "sidewalk", "building", "wall", "fence", "pole", "traffic light", "traffic sign",
        "vegetation", "terrain", "sky", "person", "rider", "car", "truck", "bus", "train",
        "motorcycle", "bicycle",
    ),
    colours=(
        (128, 64, 128), (244, 35, 232), (70, 70, 70), (102, 102, 156), (190, 153, 153),
        (153, 153, 153), (250, 170, 30), (220, 220, 0), (107, 142, 35), (152, 251, 152),
        (70, 130, 180), (220, 20, 60), (255, 0, 0), (0, 0, 142), (0, 0, 70), (0, 60, 100),
        (0, 80, 100), (0, 0, 230), (119, 11, 32),
    ),
)  # fmt: skip
"""The nineteen classes that Cityscapes evaluates, in the order of its trainIds."""
