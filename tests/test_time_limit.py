"""A measurement of speed ends at its time limit, but with enough pairs for an interval."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from segprune.errors import InputError
from segprune.speed import measure

IMAGES = torch.zeros(1, 3, 8, 8)
LEAST = 6  # pairs for an interval of 95 %: 2 * 0.5 ** 6 < 0.05 < 2 * 0.5 ** 5


class Hours:
    """A clock that a stopwatch moves: every call of a network takes half a second."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now

    def watch(self, call: object) -> float:
        self.now += 0.5
        return 500.0


@pytest.mark.parametrize(("seconds", "pairs"), [(None, 30), (1000.0, 30), (20.0, 20), (0.5, LEAST)])
def test_pairs_are_taken_until_the_limit(seconds: float | None, pairs: int) -> None:
    hours = Hours()
    found = measure(
        nn.Identity(), nn.Identity(), IMAGES, pairs=30, warmup=0, max_seconds=seconds,
        stopwatch=hours.watch, clock=hours,
    )  # fmt: skip
    assert found.pairs == pairs
    assert found.low <= found.speedup <= found.high


@pytest.mark.parametrize("seconds", [0.0, -1.0, float("nan")])
def test_a_limit_that_is_none_is_refused(seconds: float) -> None:
    with pytest.raises(InputError, match="max_seconds"):
        measure(nn.Identity(), nn.Identity(), IMAGES, max_seconds=seconds)
