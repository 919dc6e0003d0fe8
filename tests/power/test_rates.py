"""Rates of trials: intervals are exact, and a rate of nothing is refused."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.power import binomial_interval
from segprune.errors import InputError


def tail(successes: range, trials: int, rate: float) -> float:
    """Oracle: the probability of these counts, term by term."""
    return math.fsum(math.comb(trials, k) * rate**k * (1 - rate) ** (trials - k) for k in successes)


@given(st.integers(1, 60), st.data())
def test_each_end_of_a_rate_leaves_half_of_the_error_in_its_tail(
    trials: int, data: st.DataObject
) -> None:
    successes = data.draw(st.integers(0, trials))
    low, high = binomial_interval(successes, trials, 0.9)
    assert 0 <= low <= successes / trials <= high <= 1
    if successes:
        assert tail(range(successes, trials + 1), trials, low) == pytest.approx(0.05)
    if successes < trials:
        assert tail(range(successes + 1), trials, high) == pytest.approx(0.05)


def test_rates_that_tables_print() -> None:
    # The "rule of three": nothing seen in 300 trials leaves at most 1 % (one-sided 95 %).
    assert binomial_interval(0, 300, 0.9) == (0.0, pytest.approx(0.00993, abs=1e-5))
    assert binomial_interval(300, 300, 0.9)[0] == pytest.approx(0.99006, abs=1e-5)
    assert binomial_interval(5, 20) == (
        pytest.approx(0.0866, abs=1e-4), pytest.approx(0.4910, abs=1e-4),
    )  # fmt: skip
    low, high = binomial_interval(9_950, 10_000)
    assert 0.9934 < low < 0.995 < high < 0.9963


@pytest.mark.parametrize(("successes", "trials"), [(0, 0), (-1, 5), (6, 5)])
def test_a_rate_of_nothing_is_refused(successes: int, trials: int) -> None:
    with pytest.raises(InputError, match="trial"):
        binomial_interval(successes, trials)
