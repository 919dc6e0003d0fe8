"""Intervals that assume no distribution: of a median, looked at more than once, and of a rate.

All of it is arithmetic on numbers that are handed in. Nothing is approximated: how many values
lie on one side of a median is binomial.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cache

from segprune.errors import InputError

__all__ = ["LOOKS", "Look", "binomial_interval", "least_count", "median_interval", "require_enough"]


@dataclass(frozen=True)
class Look:
    """One of the moments at which pairs may be looked at.

    Attributes:
        pairs: so many are there by then.
        error: of the whole, what this look may spend on missing the true median on either side.
    """

    pairs: int
    error: float


LOOKS = (Look(16, 0.0042), Look(40, 0.0023), Look(128, 0.0036), Look(400, 0.0049))
"""Their errors add up to 1.5 %: whichever look ends a measurement, its interval covers the true
median in at least 98.5 of 100 measurements (Bonferroni; looks at the same pairs err together, so it
is more). They differ because order statistics come in steps: each buys the rank that costs least
width, so that no interval is more than 1.3 times as wide as if that look were the only one."""


def median_interval(values: Sequence[float], confidence: float) -> tuple[float, float]:
    """The narrowest pair of symmetric order statistics that covers the median often enough.

    The number of values below the true median is binomial (n, 1/2) for any continuous
    distribution, so the interval from the k-th smallest to the k-th largest covers it with
    probability 1 - 2 P(fewer than k below). (Conover, Practical Nonparametric Statistics, 3.2.)

    Raises:
        InputError: even the smallest and largest value do not reach the confidence.
    """
    require_enough(len(values), confidence)
    ordered, rank = sorted(values), _rank(len(values), confidence)
    return ordered[rank - 1], ordered[-rank]


def require_enough(count: int, confidence: float) -> None:
    """Refuse fewer values than an interval of this confidence takes.

    Raises:
        InputError: too few, or a confidence that is not between 0 and 1.
    """
    least = least_count(confidence)
    if count < least:
        raise InputError(
            f"pairs: expected at least {least} for a confidence of {confidence:g}, found "
            f"{count}; measure more pairs, 30 say."
        )


def least_count(confidence: float) -> int:
    """How many values it takes for an interval of this confidence.

    Raises:
        InputError: a confidence that is not between 0 and 1.
    """
    if not 0 < confidence < 1:
        raise InputError(
            f"confidence: expected a number between 0 and 1, found {confidence!r}; 0.95 is usual."
        )
    return next(number for number in itertools.count(1) if _rank(number, confidence))


@cache
def _rank(count: int, confidence: float) -> int:
    """The largest k with 2 P(binomial(count, 1/2) < k) <= 1 - confidence; 0 where there is none."""
    # Exact: in floating point 2 ** -count is zero for long runs.
    allowed = (1 - Fraction(str(confidence))) * 2**count
    rank, ways, below = 0, 1, 1  # ways: binomial coefficient (count, rank)
    while 2 * below <= allowed:
        rank += 1
        ways = ways * (count - rank + 1) // rank
        below += ways
    return rank


def binomial_interval(successes: int, trials: int, confidence: float = 0.95) -> tuple[float, float]:
    """The rates under which so many successes are not too surprising (Clopper and Pearson, 1934).

    Both ends are exact: each tail has at most half of the error. With no success at all (or nothing
    but successes) one end is 0 (or 1), and the other still has half of the error only.

    Raises:
        InputError: no trials, or more successes than trials.
    """
    if not 0 <= successes <= trials or trials == 0:
        raise InputError(
            f"binomial_interval: expected 0 to {max(trials, 1)} successes in at least one trial, "
            f"found {successes} in {trials}; count again."
        )
    tail = (1 - confidence) / 2
    low = high = 0.0
    if successes > 0:
        low = _solve(lambda rate: 1 - _at_most(successes - 1, trials, rate), tail)
    high = 1.0
    if successes < trials:
        high = _solve(lambda rate: 1 - _at_most(successes, trials, rate), 1 - tail)
    return low, high


def _at_most(most: int, trials: int, rate: float) -> float:
    """P(binomial(trials, rate) <= most), by logarithms: coefficients of thousands overflow."""
    if rate in (0.0, 1.0):
        return 1.0 if rate == 0.0 or most >= trials else 0.0
    log_yes, log_no = math.log(rate), math.log1p(-rate)
    whole = math.lgamma(trials + 1)
    return math.fsum(
        math.exp(
            whole - math.lgamma(k + 1) - math.lgamma(trials - k + 1)
            + k * log_yes + (trials - k) * log_no
        )
        for k in range(most + 1)
    )  # fmt: skip


def _solve(rising: Callable[[float], float], value: float) -> float:
    """Where a function that rises on [0, 1] takes a value, by halving."""
    low, high = 0.0, 1.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if rising(middle) < value else (low, middle)
    return (low + high) / 2
