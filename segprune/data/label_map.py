"""The meaning of values in label files: class indices, void, or what a label map gives.

A label map gives single values another meaning, such as `{"255": 1}` for masks of 0 and 255. A
value that it does not list keeps its own meaning, unless the map gives that class to another value.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from segprune.data.reading import VOID, Pixels
from segprune.errors import InputError

__all__ = ["EXAMPLE", "LabelMap", "LabelValues", "read_label_map", "remedy_for"]

LabelMap = Mapping[int, int]
"""The class index, or `VOID`, of values in label files."""

EXAMPLE = (
    'label_map = { "255" = 1 } in section [data] of the recipe or in classes.toml, --label-map '
    "255=1 on the command line, label_map={255: 1} in Python"
)


def read_label_map(content: Any, where: str) -> dict[int, int]:
    """Read a label map from plain values, such as `{"255": 1, "3": "void"}`.

    Args:
        where: the name of the map in errors.

    Raises:
        InputError: a value is not a number from 0 to 255, or a class is no index and not void.
    """
    if not isinstance(content, Mapping):
        raise _wrong(where, repr(content))
    found: dict[int, int] = {}
    for key, index in content.items():
        value = int(key) if isinstance(key, str) and key.isascii() and key.isdigit() else key
        target = VOID if index == "void" else index
        for number in (value, target):
            if type(number) is not int or not 0 <= number <= VOID:
                raise _wrong(where, f"{key!r} = {index!r}")
        if found.setdefault(value, target) != target:
            raise _wrong(where, f"{value} twice")
    return found


def _wrong(where: str, found: str) -> InputError:
    return InputError(
        f"{where}: expected values of label files (0 to {VOID}) with the class index of each, or "
        f'"void", found {found:.80}; as in {EXAMPLE}.'
    )


def remedy_for(values: Collection[int]) -> str:
    """Return advice for labels that show only one class, with these values."""
    if set(values) <= {0, VOID}:
        return (
            "these look like masks of 0 and 255, where 255 is the foreground, while here 255 means "
            f"void; say what 255 is: {EXAMPLE}"
        )
    return "label all images, map the labels (label_map), or correct the class table"


def advice_for(values: Collection[int], classes: int) -> str:
    """Return the label map that labels 1 to K usually need; empty for any other values.

    Args:
        values: all values in the label files.
        classes: K.
    """
    found = set(values) - {VOID}
    if max(found, default=0) != classes:
        return ""
    shift = ",".join(f"{value}={value - 1}" for value in range(1, classes + 1))
    toml = ", ".join(f'"{value}" = {value - 1}' for value in range(1, classes + 1))
    if 0 in found:
        return (
            f"values 0 to {classes} for {classes} classes: if 0 means no class, pass --label-map "
            f'0=void,{shift} (label_map = {{ "0" = "void", {toml} }} in classes.toml); if it is a '
            "class of its own, add its name to classes.toml"
        )
    return (
        f"values up to {classes}, and no 0, for {classes} classes: the labels count from 1, and "
        f"class indices begin with 0; pass --label-map {shift} (label_map = {{ {toml} }} in "
        "classes.toml)"
    )


class LabelValues:
    """The meaning of every value from 0 to 255.

    Args:
        classes: the number of classes, K.
        label_map: the meaning of single values.
        below: for errors: values below this number are expected; None: K.
        whose: for errors: whose number that is.
        advice: what to do about a value that has no meaning.

    Raises:
        InputError: the map names a class that the table does not have.
    """

    def __init__(
        self,
        classes: int,
        label_map: LabelMap | None = None,
        *,
        below: int | None = None,
        whose: str = "the table's number of them",
        advice: str = "map the labels (label_map), or correct the class table",
    ) -> None:
        self._map = dict(label_map or {})
        self._below, self._whose, self._advice = below or classes, whose, advice
        for value, index in self._map.items():
            if index >= classes and index != VOID:
                raise InputError(
                    f"label_map: expected class indices below {classes}, {whose}, or {VOID} "
                    f"for void, found {value} = {index}; correct the map or the class table."
                )
        given = set(self._map.values())
        own = {v: v for v in range(classes) if v not in given} | {VOID: VOID}
        self._meaning = own | self._map
        self._table = np.full(VOID + 1, VOID, dtype=np.uint8)
        for value, index in self._meaning.items():
            self._table[value] = index

    @property
    def known(self) -> frozenset[int]:
        """Values that have a meaning."""
        return frozenset(self._meaning)

    def meaning(self, value: int) -> int | None:
        """Return a class index, `VOID`, or None if the value has no meaning."""
        return self._meaning.get(value)

    def __call__(self, path: Path, values: Pixels) -> Pixels:
        """Map the values in a label file to class indices; the same shape, uint8.

        Raises:
            InputError: a value has no meaning; the message names the file.
        """
        wrong = [int(v) for v in np.unique(values) if int(v) not in self._meaning]
        if not wrong:
            return np.asarray(self._table[values], dtype=np.uint8)
        taken = [value for value in wrong if value < self._below and value in self._map.values()]
        if taken:
            by = next(value for value, index in self._map.items() if index == taken[0])
            raise InputError(
                f"{path}: expected values that label_map lists, for it says that {by} is class "
                f"{taken[0]}, found {taken[0]} too; say what that is, such as "
                f'"{taken[0]}" = {taken[0]}.'
            )
        more = " and more" if len(wrong) > 5 else ""
        raise InputError(
            f"{path}: expected class indices below {self._below}, {self._whose}, or {VOID} for "
            f"void, found {', '.join(map(str, wrong[:5]))}{more}; {self._advice}."
        )
