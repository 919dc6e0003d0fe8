"""How much faster: dense and pruned network measured in turn, in one process.

The absolute speed of one network drifts twofold within minutes on a shared machine; the ratio of
two runs that lie side by side does not. So both networks run in pairs, which of them first is drawn
at random but balanced, and the median of the pairs' log ratios gets a distribution-free interval:
order statistics, which need no more than that pairs are alike.
"""

from __future__ import annotations

import contextlib
import itertools
import math
import random
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Literal

import torch
from torch import nn

from segprune.errors import InputError
from segprune.execution import run_method, tensors_in
from segprune.network import copy_with

__all__ = ["Pair", "Speed", "balanced_order", "measure", "median_interval", "summarise"]

Call = Callable[[], object]
Stopwatch = Callable[[Call], float]
"""Runs a call to its end and tells how many ms it took."""


@dataclass(frozen=True)
class Pair:
    """Two runs side by side: `dense_ms`, `pruned_ms`, and which came first."""

    dense_ms: float
    pruned_ms: float
    dense_first: bool


@dataclass(frozen=True)
class Speed:
    """A speed-up and how sure it is.

    Attributes:
        dense_ms, pruned_ms: median time of one call.
        dense_fps, pruned_fps: images per second at that time.
        speedup: median over the pairs of dense time over pruned time; above 1 is faster.
        low, high: interval that covers the true median with at least `confidence`.
        pairs: how many.
        confidence: the least coverage of the interval.
        batch: images in one call.
        threads: CPU threads while measuring.
        device: "cpu" or "cuda".
        samples: every pair, in the order in which they ran.
    """

    dense_ms: float
    pruned_ms: float
    dense_fps: float
    pruned_fps: float
    speedup: float
    low: float
    high: float
    pairs: int
    confidence: float
    batch: int
    threads: int
    device: str
    samples: tuple[Pair, ...]

    @property
    def verdict(self) -> Literal["faster", "slower", "no difference"]:
        """What the interval supports; "no difference" means none was found, not that none is."""
        if self.low > 1:
            return "faster"
        return "slower" if self.high < 1 else "no difference"


def measure(
    dense: nn.Module,
    pruned: nn.Module,
    example_inputs: Any,
    *,
    pairs: int = 30,
    warmup: int = 3,
    threads: int = 1,
    confidence: float = 0.95,
    seed: int = 0,
    stopwatch: Stopwatch | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Speed:
    """Time two networks in turn, in evaluation mode, on private copies.

    Args:
        dense, pruned: networks on the same device as the inputs; neither is changed.
        example_inputs: a tensor `(N, C, H, W)`, a tuple, or a dict of keyword arguments.
        pairs: at least 6 for a confidence of 95 %.
        warmup: calls of each network before the first that counts.
        threads: CPU threads; the former number is restored. One by default: spinning threads that
            wait for a core which something else uses make a call a hundred times slower.
        seed: of the order within the pairs.
        stopwatch: for tests; by default the host's clock on a CPU, events on CUDA.
        progress: called with pairs done and pairs in all.

    Raises:
        InputError: too few pairs, no tensor among the inputs, several devices, or a device on
            which no trustworthy clock is known.
    """
    _require_enough(pairs, confidence)
    device = _device_of(dense, pruned, example_inputs)
    watch = stopwatch or (_cuda_ms if device.type == "cuda" else _host_ms)
    calls = [_call(network, example_inputs) for network in (dense, pruned)]
    samples: list[Pair] = []
    with _threads(threads), torch.inference_mode():
        for call in calls * warmup:
            watch(call)
        for dense_first in balanced_order(pairs, seed):
            first, second = (calls[0], calls[1]) if dense_first else (calls[1], calls[0])
            one, two = watch(first), watch(second)
            samples.append(Pair(one, two, True) if dense_first else Pair(two, one, False))
            if progress is not None:
                progress(len(samples), pairs)
    batch = tensors_in(example_inputs)[0].shape[0]
    return summarise(samples, confidence, batch=batch, threads=threads, device=device.type)


def summarise(
    samples: Sequence[Pair], confidence: float, *, batch: int, threads: int, device: str
) -> Speed:
    """What a list of pairs says; pure.

    Raises:
        InputError: too few pairs for this confidence.
    """
    ratios = [math.log(pair.dense_ms / pair.pruned_ms) for pair in samples]
    low, high = median_interval(ratios, confidence)
    dense = statistics.median(pair.dense_ms for pair in samples)
    pruned = statistics.median(pair.pruned_ms for pair in samples)
    return Speed(
        dense_ms=dense,
        pruned_ms=pruned,
        dense_fps=1000 * batch / dense,
        pruned_fps=1000 * batch / pruned,
        speedup=math.exp(statistics.median(ratios)),
        low=math.exp(low),
        high=math.exp(high),
        pairs=len(samples),
        confidence=confidence,
        batch=batch,
        threads=threads,
        device=device,
        samples=tuple(samples),
    )


def median_interval(values: Sequence[float], confidence: float) -> tuple[float, float]:
    """The narrowest pair of symmetric order statistics that covers the median often enough.

    The number of values below the true median is binomial (n, 1/2) for any continuous
    distribution, so the interval from the k-th smallest to the k-th largest covers it with
    probability 1 - 2 P(fewer than k below). (Conover, Practical Nonparametric Statistics, 3.2.)

    Raises:
        InputError: even the smallest and largest value do not reach the confidence.
    """
    _require_enough(len(values), confidence)
    ordered, rank = sorted(values), _rank(len(values), confidence)
    return ordered[rank - 1], ordered[-rank]


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


def _require_enough(count: int, confidence: float) -> None:
    if not 0 < confidence < 1:
        raise InputError(
            f"confidence: expected a number between 0 and 1, found {confidence!r}; 0.95 is usual."
        )
    if _rank(count, confidence) == 0:
        least = next(number for number in itertools.count(1) if _rank(number, confidence))
        raise InputError(
            f"pairs: expected at least {least} for a confidence of {confidence:g}, found {count}; "
            "measure more pairs, 30 say."
        )


def balanced_order(pairs: int, seed: int) -> list[bool]:
    """Whether the dense network runs first in each pair: half of them, at random.

    Balance cancels what the first run of a pair does to the second (a warm cache, a busy clock);
    randomness keeps a periodic disturbance from meeting always the same network.
    """
    order = [number % 2 == 0 for number in range(pairs)]
    random.Random(seed).shuffle(order)
    return order


def _call(network: nn.Module, inputs: Any) -> Call:
    private = copy_with(network, {}).eval()
    return lambda: run_method(private, "forward", inputs)


def _host_ms(call: Call) -> float:
    begin = time.perf_counter_ns()
    call()
    return (time.perf_counter_ns() - begin) / 1e6


def _cuda_ms(call: Call) -> float:
    """Kernels run after their launch returns: only the device's own events tell their time."""
    begin, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
    torch.cuda.synchronize()
    begin.record()
    call()
    end.record()
    torch.cuda.synchronize()
    return float(begin.elapsed_time(end))


def _device_of(dense: nn.Module, pruned: nn.Module, inputs: Any) -> torch.device:
    found = tensors_in(inputs)
    if not found:
        raise InputError(
            f"example_inputs: expected a tensor or a dict or tuple of them, found "
            f"{type(inputs).__name__}; pass e.g. torch.rand(1, 3, 512, 1024)."
        )
    devices = {t.device for t in (*found, *dense.parameters(), *pruned.parameters())}
    if len(devices) != 1 or next(iter(devices)).type not in ("cpu", "cuda"):
        names = ", ".join(sorted(map(str, devices)))
        raise InputError(
            f"device: expected both networks and their inputs on one CPU or CUDA device, found "
            f"{names}; move them with .to(device)."
        )
    return devices.pop()


@contextlib.contextmanager
def _threads(count: int) -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)
