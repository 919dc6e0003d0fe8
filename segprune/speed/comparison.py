"""What pairs of runs say: a speed-up and an interval, after a fixed number or as many as it takes.

The median of the pairs' log ratios gets order statistics as interval, which need no more than that
a ratio is off to either side with equal chance – and the drawn order of the runs sees to that.
Looking again and again at growing data misleads, unless each look spends only its share of the
error (`segprune.speed.statistics.LOOKS`).
"""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import fields
from typing import Any

from torch import nn

from segprune.records.speed import Pair, SpeedComparison
from segprune.speed.clock import Stopwatch
from segprune.speed.inputs import facts_of, require_positive
from segprune.speed.pairs import TakePairs, paired_runs
from segprune.speed.statistics import LOOKS, Look, least_count, median_interval, require_enough

__all__ = ["compare_speed", "measure", "summarise", "wrong_figure"]

_CLOSE = 1e-9  # figures are written with all of their digits

Progress = Callable[[int, int], None]
"""Called with pairs done, and pairs at most."""

Stop = Callable[["SpeedComparison"], bool]
"""Called at a look with what the pairs say; true ends the measurement."""

SEQUENTIAL_CONFIDENCE = round(1 - sum(look.error for look in LOOKS), 6)


def compare_speed(
    reference: nn.Module,
    candidate: nn.Module,
    example_inputs: Any,
    *,
    max_seconds: float = 30.0,
    threads: int = 1,
    precision: float = 0.01,
    stop: Stop | None = None,
    warmup: int = 3,
    seed: int = 0,
    stopwatch: Stopwatch | None = None,
    clock: Callable[[], float] = time.monotonic,
    progress: Progress | None = None,
) -> SpeedComparison:
    """Measure how much faster the candidate is, until the interval is narrow enough.

    Looks at 16, 40, 128 and 400 pairs, and ends at the first that is precise enough, or when time
    is up. Its interval holds in at least 98.5 of 100 measurements, whatever ended them.

    Args:
        reference, candidate: networks on the same device as the inputs; private copies run in
            evaluation mode, neither is changed.
        example_inputs: a tensor `(N, C, H, W)`, a tuple, or a dict of keyword arguments.
        max_seconds: when to end at the latest; the least number of pairs for an interval (9) is
            measured in any case.
        threads: CPU threads; the former number is restored. One by default: spinning threads that
            wait for a core which something else uses make a call a hundred times slower.
        precision: enough when the interval's ends are at most this share from each other's middle.
        stop: in place of `precision`: called at every look with what the pairs say.
        warmup: calls of each network before the first that counts, and a few more while they still
            fetch memory.
        seed: of the order within the pairs.
        stopwatch, clock: for tests.
        progress: called with pairs done and pairs at most.

    Raises:
        InputError: a number that is none or out of range, something else than networks, no batch
            among the inputs, several devices, or a device on which no trustworthy clock is known.
    """
    require_positive(max_seconds=max_seconds, precision=precision)
    enough = stop or (lambda found: math.log(found.high / found.low) / 2 <= precision)
    facts = facts_of(reference, candidate, example_inputs, threads, warmup, seed)
    deadline = clock() + max_seconds
    samples: list[Pair] = []
    with paired_runs(
        reference, candidate, example_inputs, warmup=warmup, threads=threads, seed=seed,
        stopwatch=stopwatch,
    ) as take:  # fmt: skip
        for look in LOOKS:
            for pair in _until(take, look, len(samples), lambda: clock() >= deadline):
                samples.append(pair)
                if progress is not None:
                    progress(len(samples), LOOKS[-1].pairs)
            found = summarise(samples, SEQUENTIAL_CONFIDENCE, at_this_look=1 - look.error, **facts)
            if clock() >= deadline or enough(found):
                break
    return found


def measure(
    reference: nn.Module,
    candidate: nn.Module,
    example_inputs: Any,
    *,
    pairs: int = 30,
    warmup: int = 3,
    threads: int = 1,
    confidence: float = 0.95,
    seed: int = 0,
    max_seconds: float | None = None,
    stopwatch: Stopwatch | None = None,
    clock: Callable[[], float] = time.monotonic,
    progress: Progress | None = None,
) -> SpeedComparison:
    """Measure as `compare_speed` does, with a number of pairs that is fixed beforehand.

    Args:
        pairs: at least 6 for a confidence of 95 %.
        max_seconds: the time limit, after which fewer pairs are enough; the least number for an
            interval is measured in any case. None sets no limit.

    Raises:
        InputError: as for `compare_speed`, or too few pairs.
    """
    require_enough(pairs, confidence)  # before anything runs
    if max_seconds is not None:
        require_positive(max_seconds=max_seconds)
    deadline = math.inf if max_seconds is None else clock() + max_seconds
    least = least_count(confidence)
    facts = facts_of(reference, candidate, example_inputs, threads, warmup, seed)
    samples: list[Pair] = []
    with paired_runs(
        reference, candidate, example_inputs, warmup=warmup, threads=threads, seed=seed,
        stopwatch=stopwatch,
    ) as take:  # fmt: skip
        for pair in take(pairs):
            samples.append(pair)
            if progress is not None:
                progress(len(samples), pairs)
            # Time runs out whatever the ratios are, so ending early does not spoil the interval.
            if len(samples) >= least and clock() >= deadline:
                break
    return summarise(samples, confidence, **facts)


def summarise(
    samples: Sequence[Pair],
    confidence: float,
    *,
    batch: int,
    threads: int,
    device: str,
    at_this_look: float | None = None,
) -> SpeedComparison:
    """Summarise a list of pairs; pure.

    Args:
        at_this_look: confidence of the interval itself, where these pairs are one look of several
            that reach `confidence` together.

    Raises:
        InputError: too few pairs for this confidence.
    """
    ratios = [math.log(pair.reference_ms / pair.candidate_ms) for pair in samples]
    low, high = median_interval(ratios, at_this_look or confidence)
    reference = statistics.median(pair.reference_ms for pair in samples)
    candidate = statistics.median(pair.candidate_ms for pair in samples)
    return SpeedComparison(
        reference_ms=reference,
        candidate_ms=candidate,
        reference_fps=1000 * batch / reference,
        candidate_fps=1000 * batch / candidate,
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


def wrong_figure(
    stated: SpeedComparison, at_this_look: float | None = None
) -> tuple[str, float, float] | None:
    """Return the first figure that does not follow from the pairs: name, expected, found; or None.

    Args:
        at_this_look: as for `summarise`.

    Raises:
        InputError: too few pairs, or a confidence that is none.
    """
    given = summarise(
        stated.samples, stated.confidence, batch=stated.batch, threads=stated.threads,
        device=stated.device,
        at_this_look=at_this_look,
    )  # fmt: skip
    for field in fields(SpeedComparison):
        one, other = getattr(given, field.name), getattr(stated, field.name)
        if isinstance(one, (int, float)) and not math.isclose(one, other, rel_tol=_CLOSE):
            return field.name, one, other
    return None


def _until(take: TakePairs, look: Look, done: int, late: Callable[[], bool]) -> Iterator[Pair]:
    """Pairs up to a look, or until it is late – and even then as many as an interval takes.

    Time runs out whatever the ratios are, so ending early does not spoil the look's interval.
    """
    least = least_count(1 - look.error)
    for number, pair in enumerate(take(look.pairs - done), start=done + 1):
        yield pair
        if number >= least and late():
            return
