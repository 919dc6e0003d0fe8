"""Do the intervals of sequential measurements cover the truth as often as they say?

Ten thousand simulated streams of each family. The worst that a rule of stopping could do is
assumed: a stream counts as covered only if its interval holds at every look. And the order
statistics have to be nearly as narrow as those of a measurement that is looked at once.
"""

from __future__ import annotations

import math
import zlib

import numpy as np
import pytest
from numpy.typing import NDArray

from benchmarks.power import binomial_interval
from power.streams import FAMILIES, Noise
from segprune.speed import Pair, drawn_order, summarise
from segprune.speed.statistics import LOOKS, median_interval

STREAMS, PAIRS = 10_000, LOOKS[-1].pairs
CONFIDENCE = 0.985


def log_ratios(noise: Noise, ratio: float, draw: np.random.Generator) -> NDArray[np.float64]:
    """Log of reference over candidate time, each pair in an order that a coin decides."""
    first = draw.random(noise.shape[:2]) < 0.5
    difference = noise[:, :, 0] - noise[:, :, 1]
    return math.log(ratio) + np.where(first, difference, -difference)


def rank(pairs: int, confidence: float) -> int:
    """Which order statistic the interval is made of, asked of the code itself."""
    return round(median_interval(list(range(1, pairs + 1)), confidence)[0])


def intervals(
    values: NDArray[np.float64], confidence: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    place = rank(values.shape[1], confidence)
    ordered = np.sort(values, axis=1)
    return ordered[:, place - 1], ordered[:, -place]


@pytest.mark.parametrize("name", FAMILIES)
def test_intervals_cover_the_truth_however_the_measurement_ended(name: str) -> None:
    draw = np.random.default_rng(zlib.crc32(name.encode()))
    ratio = float(draw.uniform(0.8, 2.0))
    ratios = log_ratios(FAMILIES[name](draw, STREAMS, PAIRS), ratio, draw)
    covered = np.ones(STREAMS, dtype=bool)
    widths = {}
    for look in LOOKS:
        low, high = intervals(ratios[:, : look.pairs], 1 - look.error)
        covered &= (low <= math.log(ratio)) & (math.log(ratio) <= high)
        once_low, once_high = intervals(ratios[:, : look.pairs], CONFIDENCE)
        widths[look.pairs] = float(np.median(high - low) / np.median(once_high - once_low))
    rate = covered.mean()
    assert rate >= CONFIDENCE, (name, rate, binomial_interval(int(covered.sum()), STREAMS))
    assert max(widths.values()) <= 1.3, widths


@pytest.mark.parametrize("name", FAMILIES)
def test_the_simulation_computes_what_the_code_computes(name: str) -> None:
    """One stream of each family through the code itself, with the order that it draws."""
    draw = np.random.default_rng(5)
    noise = FAMILIES[name](draw, 3, PAIRS)[1].astype(float)
    order = drawn_order(PAIRS, seed=1)
    pairs = []
    for first, (one, other) in zip(order, np.exp(noise).tolist(), strict=True):
        times = (1.5 * one, other) if first else (1.5 * other, one)
        pairs.append(Pair(*times, first))
    ratios = np.array([[math.log(pair.reference_ms / pair.candidate_ms) for pair in pairs]])
    for look in LOOKS:
        found = summarise(
            pairs[: look.pairs], CONFIDENCE, batch=1, threads=1, device="cpu",
            at_this_look=1 - look.error,
        )  # fmt: skip
        low, high = intervals(ratios[:, : look.pairs], 1 - look.error)
        assert (math.log(found.low), math.log(found.high)) == pytest.approx((low[0], high[0]))
