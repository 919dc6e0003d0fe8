"""Speed: the order of the runs, when looking ends, and what is left untouched.

No test looks at a clock: stopwatches are handed in.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from segprune.errors import InputError
from segprune.speed import (
    Pair,
    SpeedComparison,
    compare_speed,
    measure,
    summarise,
)
from segprune.speed.statistics import LOOKS, median_interval
from speed.logged import Log, Logged

IMAGES = torch.zeros(2, 3, 8, 8)


@pytest.mark.parametrize(
    ("ratios", "verdict"),
    [
        ([2.0] * 20, "faster"),
        ([0.5] * 20, "slower"),
        ([1.0] * 20, "no difference"),
        ([0.5, 2.0] * 10, "no difference"),
    ],
)
def test_the_verdict_is_what_the_interval_supports(ratios: list[float], verdict: str) -> None:
    pairs = [Pair(ratio * 10, 10.0, True) for ratio in ratios]
    assert summarise(pairs, 0.95, batch=1, threads=1, device="cpu").verdict == verdict


def test_a_machine_that_slows_down_on_the_way_does_not_move_the_ratio() -> None:
    pairs = [Pair(3.0 * drift, 2.0 * drift, True) for drift in np.linspace(1, 5, 20).tolist()]
    speed = summarise(pairs, 0.95, batch=4, threads=1, device="cpu")
    assert (speed.low, speed.speedup, speed.high) == pytest.approx((1.5, 1.5, 1.5))
    assert speed.reference_fps == pytest.approx(4000 / speed.reference_ms)


# ---------------------------------------------------------------- the order


def test_networks_threads_and_modes_are_left_as_they_were() -> None:
    log = Log()
    dense, pruned = Logged("dense", log).train(), Logged("pruned", log).train()
    before = torch.get_num_threads()
    seen: list[int] = []

    def stopwatch(call: Callable[[], object]) -> float:
        seen.append(torch.get_num_threads())
        call()
        return 1.0

    speed = measure(dense, pruned, IMAGES, pairs=6, threads=2, stopwatch=stopwatch)
    assert set(seen) == {2}
    assert speed.threads == 2
    assert torch.get_num_threads() == before
    assert dense.training
    assert pruned.training


# ---------------------------------------------------------------- as many as it takes


def scripted(ratios: Callable[[int], float]) -> tuple[Callable[..., float], list[str]]:
    """Times of a candidate at 10 ms and of a reference at `ratios(pair)` times that."""
    log = Log()

    def stopwatch(call: Callable[[], object]) -> float:
        call()
        pair = sum(name == log[-1] for name in log) - 1
        return 10.0 * (ratios(pair) if log[-1] == "reference" else 1.0)

    return stopwatch, log


def compared(ratios: Callable[[int], float], **options: Any) -> SpeedComparison:
    stopwatch, log = scripted(ratios)
    return compare_speed(
        Logged("reference", log), Logged("candidate", log), IMAGES,
        warmup=0, stopwatch=stopwatch, **options,
    )  # fmt: skip


def test_networks_that_always_differ_the_same_are_measured_no_longer_than_the_first_look() -> None:
    found = compared(lambda pair: 2.0)
    assert found.pairs == LOOKS[0].pairs == 16
    assert (found.low, found.speedup, found.high) == pytest.approx((2, 2, 2))
    assert found.confidence == 0.985


def test_noisy_pairs_are_looked_at_again_until_they_are_precise_enough() -> None:
    spread = [0.97, 0.99, 1.0, 1.01, 1.03]
    found = compared(lambda pair: spread[pair % 5], precision=0.012)
    before = next(look for look in reversed(LOOKS) if look.pairs < found.pairs)
    ratios = [pair.reference_ms / pair.candidate_ms for pair in found.samples]

    def half_width(look: Any) -> float:
        low, high = median_interval(np.log(ratios[: look.pairs]).tolist(), 1 - look.error)
        return (high - low) / 2

    now = next(look for look in LOOKS if look.pairs == found.pairs)
    assert half_width(now) <= 0.012 < half_width(before)


def test_pairs_that_never_agree_end_with_the_last_look() -> None:
    found = compared(lambda pair: (0.5, 2.0)[pair % 2])
    assert found.pairs == LOOKS[-1].pairs
    assert found.verdict == "no difference"


def test_a_caller_may_say_when_it_is_enough_and_is_asked_at_the_looks_only() -> None:
    asked: list[int] = []

    def stop(found: SpeedComparison) -> bool:
        asked.append(found.pairs)
        return len(asked) == 3

    assert compared(lambda pair: 1.0, stop=stop).pairs == 128
    assert asked == [16, 40, 128]


@pytest.mark.parametrize(
    ("seconds", "pairs"), [(0.5, 9), (9.0, 9), (12.0, 12), (20.0, 20), (1000.0, 400)]
)
def test_time_that_is_up_ends_it_but_not_before_there_is_an_interval(
    seconds: float, pairs: int
) -> None:
    """Each pair takes a second here; with the ninth, an interval of the first look exists."""
    stopwatch, log = scripted(lambda pair: (0.5, 2.0)[pair % 2])
    found = compare_speed(
        Logged("reference", log), Logged("candidate", log), IMAGES, warmup=0,
        max_seconds=seconds, stopwatch=stopwatch, clock=lambda: len(log) / 2,
    )  # fmt: skip
    assert found.pairs == len(log) / 2 == pairs


@pytest.mark.parametrize("name", ["max_seconds", "precision"])
@pytest.mark.parametrize("value", [0.0, -1.0, float("nan"), float("inf")])
def test_a_limit_that_is_none_is_refused_before_anything_runs(name: str, value: float) -> None:
    with pytest.raises(InputError, match=name):
        compared(lambda pair: 1.0, **{name: value})


# ---------------------------------------------------------------- refusals and devices


def test_too_few_pairs_are_refused_before_anything_runs() -> None:
    log = Log()
    with pytest.raises(InputError, match="pairs"):
        measure(Logged("dense", log), Logged("pruned", log), IMAGES, pairs=5)
    assert log == []


# -- memory ----------------------------------------------------------------------------------------


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
