"""Statistics: intervals against the binomial law, looked at once and again and again."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from segprune.errors import InputError
from segprune.speed.statistics import LOOKS, least_count, median_interval


def covered(count: int, rank: int) -> float:
    """Oracle: of all 2^n ways in which values fall below or above the true median, the share in
    which at least `rank` lie on either side, so that the interval between these ranks holds it."""
    ways = itertools.product((0, 1), repeat=count)
    return sum(rank <= sum(way) <= count - rank for way in ways) / 2**count


# ---------------------------------------------------------------- the interval


@pytest.mark.parametrize("confidence", [0.5, 0.9, 0.95, 0.99])
@pytest.mark.parametrize("count", range(2, 15))
def test_the_interval_is_the_narrowest_that_covers_often_enough(
    count: int, confidence: float
) -> None:
    fitting = [k for k in range(1, count // 2 + 1) if covered(count, k) >= confidence]
    values = [float(n) for n in range(1, count + 1)]
    if not fitting:
        with pytest.raises(InputError, match=f"found {count}"):
            median_interval(values, confidence)
        return
    assert median_interval(values[::-1], confidence) == (max(fitting), count + 1 - max(fitting))


@pytest.mark.parametrize(
    "draw",
    [
        lambda rng: rng.normal(0, 1, 30),
        lambda rng: np.log(rng.exponential(1, 30) / math.log(2)),
        lambda rng: rng.standard_cauchy(30),
    ],
    ids=["normal", "skewed", "heavy tails"],
)
def test_the_interval_covers_the_true_median_of_any_distribution(
    draw: Callable[[np.random.Generator], Any],
) -> None:
    rng, trials = np.random.default_rng(0), 3000
    held = 0
    for _ in range(trials):
        low, high = median_interval(draw(rng).tolist(), 0.95)
        held += low <= 0 <= high
    exact = 1 - 2 * sum(math.comb(30, k) for k in range(10)) / 2**30
    assert abs(held / trials - exact) < 4 * math.sqrt(exact * (1 - exact) / trials)


def test_thousands_of_pairs_do_not_overflow() -> None:
    low, high = median_interval([float(n) for n in range(5001)], 0.998)
    assert 2350 < low < 2500 < high < 2650
    assert low + high == 5000


@pytest.mark.parametrize("confidence", [0.0, 1.0, -1.0, float("nan")])
def test_a_confidence_that_is_none_is_refused(confidence: float) -> None:
    with pytest.raises(InputError, match="confidence"):
        median_interval([1.0] * 100, confidence)


def test_a_refusal_names_the_least_number_of_pairs_that_will_do() -> None:
    with pytest.raises(InputError, match="at least 6"):
        median_interval([1.0] * 5, 0.95)
    assert median_interval([1.0] * 6, 0.95) == (1.0, 1.0)


# ---------------------------------------------------------------- looks


def test_the_looks_spend_one_and_a_half_percent_in_all() -> None:
    assert math.fsum(look.error for look in LOOKS) == pytest.approx(0.015)
    assert [look.pairs for look in LOOKS] == sorted({look.pairs for look in LOOKS})
    assert all(look.pairs >= least_count(1 - look.error) for look in LOOKS)


@pytest.mark.parametrize("look", LOOKS, ids=lambda look: str(look.pairs))
def test_an_interval_at_a_look_is_not_much_wider_than_one_that_is_the_only_look(look: Any) -> None:
    """In standard deviations of a normal value, by Blom's approximation of its order statistics."""
    from statistics import NormalDist

    values = list(range(1, look.pairs + 1))
    half_widths = []
    for confidence in (1 - look.error, 1 - math.fsum(each.error for each in LOOKS)):
        low, _ = median_interval(values, confidence)
        half_widths.append(-NormalDist().inv_cdf((low - 0.375) / (look.pairs + 0.25)))
    assert half_widths[0] <= 1.3 * half_widths[1]
