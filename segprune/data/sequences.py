"""Find which images are frames of one video: from the data set, a pattern or a file.

Neighbouring frames are nearly the same image, so a statement about other images has to know which
frames belong together. Where nothing is known, each image counts by itself.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from segprune.errors import InputError
from segprune.format import counted

__all__ = ["Sequences", "is_file", "sequences_of"]

_NONE = ("", ".")  # for images of no sequence; "." is the folder of an image in none
_ENDINGS = (".csv", ".txt")


@dataclass(frozen=True)
class Sequences:
    """The sequence of each image.

    Attributes:
        labels: a label for each image; an image of no sequence has a label of its own.
        words: a description of what counts as a sequence, and of its source.
    """

    labels: tuple[str, ...]
    words: str


def is_file(given: str | Path) -> bool:
    """Return whether this names a file (`*.csv`, `*.txt`) and is not a pattern."""
    return isinstance(given, Path) or given.endswith(_ENDINGS)


def sequences_of(
    names: Sequence[str], known: Sequence[str], given: str | Path | None = None
) -> Sequences:
    """Return the sequence of each image.

    Args:
        names: the names of the images, such as "day/0016E5_07959".
        known: what the data set says; "" or "." for an image of no sequence.
        given: used in its place: a regular expression that finds the sequence in each name (its
            first group, or all that it matches), or a file with a line `image,sequence` for each.

    Raises:
        InputError: the pattern is not a regular expression, the file cannot be read, or an image
            has no sequence in it.
    """
    if given is None:
        labels = [f"./{n}" if own in _NONE else own for n, own in enumerate(known)]
        return Sequences(tuple(labels), _words_of_known(known, labels))
    if is_file(given):
        found, source = _from_file(Path(given), names), Path(given).name
    else:
        found, source = _from_pattern(str(given), names), f"the pattern {given!r}"
    return Sequences(tuple(found), f"{_counted(found)}, by {source}")


def _words_of_known(known: Sequence[str], labels: Sequence[str]) -> str:
    alone = sum(own in _NONE for own in known)
    if alone == len(known):
        return f"each of {alone} images by itself, for no sequence is known"
    rest = f", {alone} of them by themselves, for no sequence is known" if alone else ""
    return f"{_counted(labels)}, as the data set says{rest}"


def _counted(labels: Sequence[str]) -> str:
    images, sequences = len(labels), len(set(labels))
    if images == sequences:
        return f"each of {images} images a sequence by itself"
    return f"{images} images in {counted(sequences, 'sequence')}"


def _from_pattern(pattern: str, names: Sequence[str]) -> list[str]:
    try:
        compiled = re.compile(pattern)
    except re.error as error:
        raise InputError(
            f"sequences: expected a regular expression, or a file (*.csv) with lines "
            f"image,sequence, found {pattern!r} ({error}); correct it."
        ) from error
    matches = [compiled.search(name) for name in names]
    found = [match and match[1 if compiled.groups else 0] for match in matches]
    return _complete(found, names, f"the pattern {pattern!r}")


def _from_file(path: Path, names: Sequence[str]) -> list[str]:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "bytes that are no text"
        raise InputError(
            f"sequences: {path}: expected a file with lines image,sequence, found {reason}; "
            "correct the path."
        ) from error
    found: dict[str, str] = {}
    for number, row in enumerate(csv.reader(text.splitlines(), skipinitialspace=True), 1):
        if not any(row):
            continue
        if len(row) != 2 or found.get(row[0], row[1]) != row[1]:
            problem = "two sequences of one image" if len(row) == 2 else f"{len(row)} values"
            raise InputError(
                f"sequences: {path}: line {number}: expected image,sequence, found {problem}: "
                f"{','.join(row)[:80]!r}; correct the file."
            )
        found[row[0]] = row[1].strip()
    return _complete([found.get(name) for name in names], names, path.name)


def _complete(found: Sequence[str | None], names: Sequence[str], source: str) -> list[str]:
    missing = [name for name, label in zip(names, found, strict=True) if not label]
    if missing:
        raise InputError(
            f"sequences: expected {source} to name the sequence of each image, found none for "
            f"{len(missing)} of {len(names)}, such as {missing[0]!r}; correct it."
        )
    return [label for label in found if label]
