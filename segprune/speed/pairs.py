"""Two networks run in turn, pair by pair; which of them comes first is drawn.

The absolute speed of one network drifts twofold within minutes on a shared machine; the ratio of
two runs that lie side by side does not. The drawn order is what later statements rest on: whatever
the machine does to the first and to the second run of a pair, it falls on either network with equal
chance, so the log ratio is off to either side with equal chance – independently of all other pairs.
"""

from __future__ import annotations

import contextlib
import random
from collections.abc import Callable, Iterator
from contextvars import copy_context
from typing import Any

import torch
from torch import nn

from segprune.core.execution import run_method
from segprune.core.modules import copy_with
from segprune.records.speed import Pair
from segprune.speed.allocator import FEW_PAGES, kept_memory, pages_fetched
from segprune.speed.clock import Call, Stopwatch, cpu_threads, device_of, stopwatch_of

__all__ = ["drawn_order", "paired_runs"]

_MORE_WARMUP = 8  # heaps stopped growing after seven calls at most

TakePairs = Callable[[int], Iterator["Pair"]]
"""Runs a number of pairs, and yields each when it is done."""


@contextlib.contextmanager
def paired_runs(
    reference: nn.Module,
    candidate: nn.Module,
    example_inputs: Any,
    *,
    warmup: int,
    threads: int,
    seed: int,
    stopwatch: Stopwatch | None = None,
) -> Iterator[TakePairs]:
    """Make private copies of two networks in evaluation mode, warmed up, to run in pairs.

    Args:
        warmup: calls of each network before the first pair, and a few more while they still fetch
            memory.
        threads: CPU threads within the block.
        seed: of the order within the pairs.
        stopwatch: for tests; by default the one of the device.

    Raises:
        InputError: as for `device_of`.
    """
    watch = stopwatch or stopwatch_of(device_of(reference, candidate, example_inputs))
    one, other = (_call(network, example_inputs) for network in (reference, candidate))
    draw = random.Random(seed)

    def take(count: int) -> Iterator[Pair]:
        for _ in range(count):
            reference_first = _coin(draw)
            first, second = (one, other) if reference_first else (other, one)
            begun, ended = watch(first), watch(second)
            yield Pair(*((begun, ended) if reference_first else (ended, begun)), reference_first)

    with cpu_threads(threads), kept_memory(), torch.inference_mode():
        _warm_up(lambda: (watch(one), watch(other)), warmup)
        yield take


def drawn_order(pairs: int, seed: int) -> list[bool]:
    """Return whether the reference runs first in each pair, drawn with a fair coin.

    A coin for each pair, not half of them drawn to come first: with a fair coin the interval's
    coverage is exact under any disturbance, while a forced balance loses some of it where something
    else runs in step with the pairs (`tests/power/test_coverage.py`, "every_other_pair").
    """
    draw = random.Random(seed)
    return [_coin(draw) for _ in range(pairs)]


def _warm_up(both: Call, least: int) -> None:
    fetched = 0
    for number in range(least + _MORE_WARMUP if least else 0):
        if number >= least and fetched <= FEW_PAGES:
            return
        before = pages_fetched()
        both()
        fetched = pages_fetched() - before


def _coin(draw: random.Random) -> bool:
    return draw.getrandbits(1) == 1


def _call(network: nn.Module, inputs: Any) -> Call:
    private = copy_with(network, {}).eval()
    context = copy_context()  # what the network keeps in it stays from call to call
    return lambda: run_method(private, "forward", inputs, context)
