"""Options as values, files that have to exist, and the command line as a record keeps it."""

from __future__ import annotations

import inspect
import math
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_type_hints

from typer.models import ArgumentInfo

from segprune.errors import ArtifactError, BudgetError, InputError

if TYPE_CHECKING:
    from segprune.data.normalisation import Given

__all__ = [
    "command_line",
    "make_importable",
    "parse_budget",
    "parse_input",
    "parse_label_map",
    "parse_normalisation",
    "parse_shares",
    "parse_size",
    "require_file",
]

_PLACE_OF_RESULTS = ("out", "name", "replace")


def parse_budget(text: str) -> dict[str, float]:
    """`macs=0.5` -> `{"macs": 0.5}`; `PruneConfig` judges the kind and the share.

    Raises:
        BudgetError: another form.
    """
    kind, equals, share = text.partition("=")
    if not equals:
        raise BudgetError(
            f"--budget: expected macs=SHARE, params=SHARE or channels=SHARE, found {text!r}; "
            "--budget macs=0.5 keeps half of the multiply-adds."
        )
    return {kind.strip(): _number("--budget", share, text)}


def parse_shares(texts: Sequence[str]) -> dict[str, float]:
    """`["detail.*=0.5"]` -> `{"detail.*": 0.5}`; `PruneConfig` judges the shares.

    Raises:
        InputError: another form, or the same glob twice.
        BudgetError: a share that is no number.
    """
    shares: dict[str, float] = {}
    for text in texts:
        pattern, equals, share = text.rpartition("=")
        if not equals or not pattern or pattern in shares:
            found = f"{pattern!r} twice" if pattern in shares else repr(text)
            raise InputError(
                f"--layer: expected GLOB=SHARE, found {found}; --layer 'detail.*=0.5' keeps half "
                "of the channels of every layer in detail."
            )
        shares[pattern] = _number("--layer", share, text)
    return shares


def _number(option: str, share: str, text: str) -> float:
    try:
        return float(share)
    except ValueError as error:
        raise BudgetError(
            f"{option}: expected a number as the share to keep, found {share!r} in {text!r}; "
            "0.5 keeps half."
        ) from error


def parse_input(text: str) -> tuple[int, ...]:
    """`1x3x512x1024` -> `(1, 3, 512, 1024)`; `512x1024` means one image of three channels.

    Raises:
        InputError: another form, or a size that is not positive.
    """
    parts = text.lower().split("x")
    sizes = tuple(int(part) for part in parts if part.strip().isascii() and part.strip().isdigit())
    if len(sizes) != len(parts) or len(sizes) not in (2, 4) or not _fits(sizes):
        raise InputError(
            f"--input: expected NxCxHxW with at most 2^31 numbers in all, found {text!r}; "
            "1x3x512x1024 is one image of 3 channels, 512 high and 1024 wide."
        )
    return sizes if len(sizes) == 4 else (1, 3, *sizes)


def _fits(sizes: tuple[int, ...]) -> bool:
    return 0 < math.prod(sizes) <= 2**31


def parse_size(text: str) -> tuple[int, int]:
    """`360x480` -> `(360, 480)`.

    Raises:
        InputError: another form, or a size that is not positive.
    """
    parts = text.lower().replace("×", "x").split("x")
    if len(parts) != 2 or not all(p.isascii() and p.isdigit() and int(p) for p in parts):
        raise InputError(f"--size: expected HxW, found {text!r}; 360x480 is 360 high and 480 wide.")
    return int(parts[0]), int(parts[1])


def parse_label_map(texts: Sequence[str] | None) -> dict[str, Any] | None:
    """Parse `["255=1", "3=void"]` into `{"255": 1, "3": "void"}`; return None for no texts.

    Raises:
        InputError: a text has another form, or a value occurs twice.
    """
    found: dict[str, Any] = {}
    for text in texts or ():
        for part in text.split(","):
            value, equals, index = (piece.strip() for piece in part.partition("="))
            fine = value.isascii() and value.isdigit() and index.isascii()
            if not equals or not fine or not (index.isdigit() or index == "void"):
                raise InputError(
                    f"--label-map: expected VALUE=CLASS, found {text!r}; 255=1 makes pixels of the "
                    "value 255 class 1, 3=void makes those of the value 3 count nowhere."
                )
            if value in found:
                raise InputError(f"--label-map: expected each value once, found {value} twice.")
            found[value] = index if index == "void" else int(index)
    return found or None


def parse_normalisation(mean: str | None, std: str | None, range: str | None) -> Given:
    """Parse `--mean`, `--std` and `--range`.

    Raises:
        InputError: a text has another form than `0.5,0.5,0.5`, `0.5` (for all channels) or `0,255`.
    """
    from segprune.data.normalisation import Given

    return Given(
        _numbers("--mean", mean, 3), _numbers("--std", std, 3), _numbers("--range", range, 2)
    )


def _numbers(option: str, text: str | None, count: int) -> Any:
    if text is None:
        return None
    try:
        found = tuple(float(part) for part in text.split(","))
    except ValueError:
        found = ()
    if count == 3 and len(found) == 1:
        found *= 3
    if len(found) != count or not all(map(math.isfinite, found)):
        example = "0.485,0.456,0.406 (of R, G and B)" if count == 3 else "0,1 or 0,255"
        raise InputError(
            f"{option}: expected {count} numbers with commas between them, found {text!r}; "
            f"{option} {example} is usual."
        )
    return found


def make_importable() -> None:
    """Let `package.module` be found in the current folder, as `python -m` does."""
    here = os.getcwd()
    if here not in sys.path:
        sys.path.insert(0, here)


def require_file(path: Path | None, expected: str) -> None:
    """Raise ArtifactError if a file that was named is missing, before torch is imported.

    What the file holds is not read.
    """
    if path is not None and not os.path.exists(path):
        raise ArtifactError(f"{path}: expected {expected}, found no such file; check the path.")


def command_line(
    name: str, command: Callable[..., object], given: Mapping[str, object], *left_out: str
) -> tuple[str, ...]:
    """Return a command line for the record: arguments, and options that are not at their defaults.

    Paths keep only their last name, and options that say where results go are left out: both would
    say who worked where.

    Args:
        given: the values of the command's parameters.
        left_out: more options that the record does without.
    """
    hints = get_type_hints(command, include_extras=True)
    arguments, options, negations = [], [], []
    for key, parameter in inspect.signature(command).parameters.items():
        value, declared = given[key], hints[key].__metadata__[0]
        flag = f"--{key.replace('_', '-')}"
        if isinstance(declared, ArgumentInfo):
            arguments.append(_without_folders(value))
        elif value in (None, parameter.default) or key in (*_PLACE_OF_RESULTS, *left_out):
            continue
        elif value is False:
            # Within `Annotated`, typer takes the first name of an option for its default.
            names = (declared.default, *(declared.param_decls or ()))
            both = next((each for each in names if isinstance(each, str) and "/" in each), "")
            negations.append(both.partition("/")[2] or flag.replace("--", "--no-", 1))
        elif value is True:
            options.append(flag)
        else:
            for each in value if isinstance(value, list) else [value]:
                options += [flag, each.name if isinstance(each, Path) else str(each)]
    return ("segprune", name, *arguments, *options, *negations)


def _without_folders(argument: object) -> str:
    """Return the last name of a path; a reference `package.module:factory` as it is."""
    text = str(argument)
    return text if ":" in text else Path(text).name
