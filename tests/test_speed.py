"""Speed: the interval against the binomial law, the order of the runs, and what is left untouched.

No test looks at a clock: stopwatches are handed in.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from segprune.errors import InputError
from segprune.speed import Pair, balanced_order, measure, median_interval, summarise

IMAGES = torch.zeros(2, 3, 8, 8)


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
    assert speed.dense_fps == pytest.approx(4000 / speed.dense_ms)


# ---------------------------------------------------------------- the order


@pytest.mark.parametrize("pairs", [1, 2, 7, 30, 31])
def test_the_order_is_balanced_and_drawn_from_the_seed(pairs: int) -> None:
    order = balanced_order(pairs, 3)
    assert abs(2 * sum(order) - pairs) <= 1
    assert order == balanced_order(pairs, 3)
    assert pairs < 7 or len({tuple(balanced_order(pairs, seed)) for seed in range(20)}) > 10


class Logged(nn.Module):
    """Writes its name down when it runs."""

    def __init__(self, name: str, log: list[str]) -> None:
        super().__init__()
        self.name, self.scale = name, nn.Parameter(torch.ones(()))
        self.dropout = nn.Dropout(0.5)
        self.log = log

    def forward(self, x: Tensor) -> Tensor:
        assert not self.training
        assert torch.is_inference_mode_enabled()
        self.log.append(self.name)
        return self.dropout(x * self.scale)

    def __deepcopy__(self, memo: dict[int, Any]) -> Logged:
        return Logged(self.name, self.log)  # a log shared by the copies that are measured


def watched(log: list[str], times: dict[str, float]) -> Callable[[Callable[[], object]], float]:
    def stopwatch(call: Callable[[], object]) -> float:
        call()
        return times[log[-1]]

    return stopwatch


def test_networks_run_in_adjacent_pairs_in_the_drawn_order_after_warming_up() -> None:
    log: list[str] = []
    done: list[tuple[int, int]] = []
    speed = measure(
        Logged("dense", log), Logged("pruned", log), IMAGES, pairs=10, warmup=2, seed=5,
        stopwatch=watched(log, {"dense": 30.0, "pruned": 10.0}),
        progress=lambda *step: done.append(step),
    )  # fmt: skip
    assert sorted(log[:4]) == ["dense", "dense", "pruned", "pruned"]
    order = balanced_order(10, 5)
    expected = [("dense", "pruned") if first else ("pruned", "dense") for first in order]
    assert list(zip(log[4::2], log[5::2], strict=True)) == expected
    assert [pair.dense_first for pair in speed.samples] == order
    assert {(pair.dense_ms, pair.pruned_ms) for pair in speed.samples} == {(30.0, 10.0)}
    assert (speed.speedup, speed.low, speed.high) == pytest.approx((3, 3, 3))
    assert (speed.dense_fps, speed.pruned_fps) == pytest.approx((2000 / 30, 2000 / 10))
    assert done == [(number, 10) for number in range(1, 11)]


def test_networks_threads_and_modes_are_left_as_they_were() -> None:
    log: list[str] = []
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


def test_the_number_of_threads_is_restored_after_a_failure() -> None:
    before = torch.get_num_threads()

    def stopwatch(call: Callable[[], object]) -> float:
        raise RuntimeError("stopped")

    with pytest.raises(RuntimeError, match="stopped"):
        measure(nn.Identity(), nn.Identity(), IMAGES, threads=before + 1, stopwatch=stopwatch)
    assert torch.get_num_threads() == before


# ---------------------------------------------------------------- refusals and devices


def test_a_device_without_a_trustworthy_clock_is_refused() -> None:
    with pytest.raises(InputError, match="meta"):
        measure(nn.Conv2d(3, 3, 1, device="meta"), nn.Identity(), IMAGES.to("meta"))


def test_networks_on_several_devices_are_refused() -> None:
    with pytest.raises(InputError, match="cpu, meta"):
        measure(nn.Conv2d(3, 3, 1, device="meta"), nn.Identity(), IMAGES)


def test_inputs_without_a_tensor_are_refused() -> None:
    with pytest.raises(InputError, match="str"):
        measure(nn.Identity(), nn.Identity(), "image.png")


def test_too_few_pairs_are_refused_before_anything_runs() -> None:
    log: list[str] = []
    with pytest.raises(InputError, match="pairs"):
        measure(Logged("dense", log), Logged("pruned", log), IMAGES, pairs=5)
    assert log == []


def test_cuda_is_timed_by_its_own_events_between_synchronisations(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from segprune import speed

    happened: list[str] = []

    class Event:
        def __init__(self, enable_timing: bool) -> None:
            assert enable_timing

        def record(self) -> None:
            happened.append("record")

        def elapsed_time(self, end: Event) -> float:
            happened.append("elapsed")
            return 12.5

    monkeypatch.setattr(torch.cuda, "Event", Event)
    monkeypatch.setattr(torch.cuda, "synchronize", lambda: happened.append("synchronize"))
    assert speed._cuda_ms(lambda: happened.append("call")) == 12.5
    assert happened == ["synchronize", "record", "call", "record", "synchronize", "elapsed"]
