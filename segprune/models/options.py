"""The options the networks share: their checks, and the one rule that turns a width into channels.

Every check returns the value in its resolved, JSON-able form, or raises `ModelError` with the
option's name, what was expected, what was found, and what to do.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from numbers import Integral, Real

from segprune.errors import ModelError


def scaled(base: int, width: float) -> int:
    """Number of channels a layer of `base` channels has at width multiplier `width`.

    ``max(1, floor(base * width + 0.5))``: the nearest integer, halves upwards, never zero. It is
    not rounded to a multiple of eight, so that ``width=0.5`` is exactly half of every even width.
    """
    return max(1, math.floor(base * width + 0.5))


def check_num_classes(value: object) -> int:
    """`value` as an int of at least 1."""
    if isinstance(value, bool) or not isinstance(value, Integral) or int(value) < 1:
        raise ModelError(
            f"option 'num_classes': expected an integer of at least 1, found {value!r}; "
            "pass the number of classes of the data set (19 for Cityscapes)"
        )
    return int(value)


def check_aux(value: object) -> bool:
    """`value` if it is True or False."""
    if not isinstance(value, bool):
        raise ModelError(
            f"option 'aux': expected True or False, found {value!r}; "
            "pass aux=True to train with auxiliary heads and aux=False to leave them out"
        )
    return value


def check_flag(option: str, value: object) -> bool:
    """`value` if it is True or False."""
    if not isinstance(value, bool):
        raise ModelError(
            f"option {option!r}: expected True or False, found {value!r}; pass one of these"
        )
    return value


def check_width(value: object) -> float:
    """`value` as a finite float above 0."""
    number = float(value) if isinstance(value, Real) and not isinstance(value, bool) else math.nan
    if not (math.isfinite(number) and number > 0):
        raise ModelError(
            f"option 'width': expected a finite number above 0, found {value!r}; "
            "pass 1.0 for the published widths or 0.5 to halve every hidden width"
        )
    return number


def check_choice(option: str, value: object, choices: Iterable[str]) -> str:
    """`value` if it is one of `choices`."""
    known = tuple(choices)
    if not isinstance(value, str) or value not in known:
        raise ModelError(
            f"option {option!r}: expected one of {', '.join(map(repr, known))}, "
            f"found {value!r}; pass one of these"
        )
    return value
