"""Speed: the order of the runs, when looking ends, and what is left untouched.

No test looks at a clock: stopwatches are handed in.
"""

from __future__ import annotations

import itertools
import math
import platform
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from segprune.errors import InputError
from segprune.speed import (
    Pair,
    SpeedComparison,
    clock,
    compare_speed,
    drawn_order,
    measure,
    summarise,
)
from segprune.speed.allocator import kept_memory
from segprune.speed.inputs import in_format
from segprune.speed.statistics import LOOKS, median_interval

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


class Log(list[str]):
    """What ran, in order; the copies that are measured share it."""

    def __deepcopy__(self, memo: dict[int, Any]) -> Log:
        return self


class Logged(nn.Module):
    """Writes its name down when it runs."""

    def __init__(self, name: str, log: Log) -> None:
        super().__init__()
        self.name, self.scale = name, nn.Parameter(torch.ones(()))
        self.dropout = nn.Dropout(0.5)
        self.log = log

    def forward(self, x: Tensor) -> Tensor:
        assert not self.training
        assert torch.is_inference_mode_enabled()
        self.log.append(self.name)
        return self.dropout(x * self.scale)


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


def test_the_number_of_threads_is_restored_after_a_failure() -> None:
    before = torch.get_num_threads()

    def stopwatch(call: Callable[[], object]) -> float:
        raise RuntimeError("stopped")

    with pytest.raises(RuntimeError, match="stopped"):
        measure(nn.Identity(), nn.Identity(), IMAGES, threads=before + 1, stopwatch=stopwatch)
    assert torch.get_num_threads() == before


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
    log = Log()
    with pytest.raises(InputError, match="pairs"):
        measure(Logged("dense", log), Logged("pruned", log), IMAGES, pairs=5)
    assert log == []


def test_cuda_is_timed_by_its_own_events_between_synchronisations(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
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
    assert clock._cuda_ms(lambda: happened.append("call")) == 12.5
    assert happened == ["synchronize", "record", "call", "record", "synchronize", "elapsed"]


# -- memory ----------------------------------------------------------------------------------------

GLIBC = platform.libc_ver()[0] == "glibc"

FAULTS = """
import contextlib, resource, sys, torch
from segprune.speed.allocator import kept_memory

def activations():
    return [torch.ones(size) for size in (2_000_000, 6_000_000, 12_000_000)]

def faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    activations()
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

torch.set_num_threads(1)
with kept_memory() if sys.argv[1] == "kept" else contextlib.nullcontext():
    for _ in range(10):
        activations()
    print(faults())
"""


def faults(how: str) -> int:
    """Pages that a call has to fetch after ten calls like it, in a fresh process."""
    command = [sys.executable, "-c", FAULTS, how]
    return int(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


@pytest.mark.slow
@pytest.mark.skipif(not GLIBC, reason="other allocators are left as they are")
def test_memory_that_is_kept_is_not_fetched_again() -> None:
    assert faults("given back") > 10_000
    assert faults("kept") < 100


def test_both_networks_see_the_images_in_the_format_that_they_were_given_in() -> None:
    seen = []

    class Look(nn.Module):
        def forward(self, images: Tensor) -> Tensor:
            seen.append(images.is_contiguous(memory_format=torch.channels_last))
            return images

    measure(Look(), Look(), in_format(torch.zeros(1, 3, 8, 8), "channels_last"), pairs=6)
    assert seen == [True] * 18


def test_memory_is_left_to_itself_where_there_is_no_glibc(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    with kept_memory():
        pass
