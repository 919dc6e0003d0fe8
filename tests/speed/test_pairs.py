"""Pairs of runs: in the drawn order, after warming up."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable

import numpy as np
import pytest
import torch

from segprune.speed import (
    drawn_order,
    measure,
)
from speed.logged import Log, Logged

IMAGES = torch.zeros(2, 3, 8, 8)


def test_the_order_is_drawn_from_the_seed_by_a_fair_coin() -> None:
    orders = [drawn_order(50, seed) for seed in range(200)]
    assert orders[3] == drawn_order(50, 3)
    assert len(set(map(tuple, orders))) == 200
    firsts = [sum(order) for order in orders]
    # Of a coin: 25 of 50 on average, with a standard deviation of 3.54. Of a balance: none.
    assert abs(np.mean(firsts) - 25) < 4 * 3.54 / math.sqrt(200)
    assert 3.0 < np.std(firsts) < 4.1
    repeated = np.mean(
        [one == other for order in orders for one, other in itertools.pairwise(order)]
    )
    assert abs(repeated - 0.5) < 0.03


def watched(log: Log, times: dict[str, float]) -> Callable[[Callable[[], object]], float]:
    def stopwatch(call: Callable[[], object]) -> float:
        call()
        return times[log[-1]]

    return stopwatch


def test_networks_run_in_adjacent_pairs_in_the_drawn_order_after_warming_up() -> None:
    log = Log()
    done: list[tuple[int, int]] = []
    speed = measure(
        Logged("dense", log), Logged("pruned", log), IMAGES, pairs=10, warmup=2, seed=5,
        stopwatch=watched(log, {"dense": 30.0, "pruned": 10.0}),
        progress=lambda *step: done.append(step),
    )  # fmt: skip
    assert sorted(log[:4]) == ["dense", "dense", "pruned", "pruned"]
    order = drawn_order(10, 5)
    expected = [("dense", "pruned") if first else ("pruned", "dense") for first in order]
    assert list(zip(log[4::2], log[5::2], strict=True)) == expected
    assert [pair.reference_first for pair in speed.samples] == order
    assert {(pair.reference_ms, pair.candidate_ms) for pair in speed.samples} == {(30.0, 10.0)}
    assert (speed.speedup, speed.low, speed.high) == pytest.approx((3, 3, 3))
    assert (speed.reference_fps, speed.candidate_fps) == pytest.approx((2000 / 30, 2000 / 10))
    assert done == [(number, 10) for number in range(1, 11)]
