"""Simulated times of pairs of calls, ten thousand streams at once, by what disturbs them.

A family gives the logarithms of what a machine does to each call: `(streams, pairs, 2)`, in the
order in which the calls run. Which network a call belongs to is drawn elsewhere, and the machine
does not know.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

__all__ = ["FAMILIES", "Noise"]

Noise = NDArray[np.float32]
Family = Callable[[np.random.Generator, int, int], Noise]

FAMILIES: dict[str, Family] = {}


def family(function: Family) -> Family:
    FAMILIES[function.__name__] = function
    return function


def _normal(draw: np.random.Generator, streams: int, calls: int) -> Noise:
    return draw.standard_normal((streams, calls), dtype=np.float32)


@family
def quiet(draw: np.random.Generator, streams: int, pairs: int) -> Noise:
    """A percent of noise."""
    return 0.01 * _normal(draw, streams, 2 * pairs).reshape(streams, pairs, 2)


@family
def loaded(draw: np.random.Generator, streams: int, pairs: int) -> Noise:
    """A tenth, and never less than the best time."""
    return np.abs(0.1 * _normal(draw, streams, 2 * pairs)).reshape(streams, pairs, 2)


@family
def heavy_tails(draw: np.random.Generator, streams: int, pairs: int) -> Noise:
    """Quotients of normal values: no mean, no variance."""
    one, other = (_normal(draw, streams, 2 * pairs) for _ in range(2))
    return np.clip(0.02 * one / (other + np.float32(1e-9)), -20, 20).reshape(streams, pairs, 2)


@family
def spikes(draw: np.random.Generator, streams: int, pairs: int) -> Noise:
    """Every twentieth call is interrupted, for up to ten times its length."""
    hit = draw.random((streams, 2 * pairs), dtype=np.float32) < 0.05
    length = np.log1p(9 * draw.random((streams, 2 * pairs), dtype=np.float32))
    noise = 0.01 * _normal(draw, streams, 2 * pairs) + hit * length
    return noise.reshape(streams, pairs, 2)


@family
def drift(draw: np.random.Generator, streams: int, pairs: int) -> Noise:
    """The machine becomes twice as slow, or as fast, on the way."""
    slope = draw.uniform(-0.7, 0.7, (streams, 1)).astype(np.float32)
    way = np.linspace(0, 1, 2 * pairs, dtype=np.float32)
    return (slope * way + 0.02 * _normal(draw, streams, 2 * pairs)).reshape(streams, pairs, 2)


@family
def bimodal(draw: np.random.Generator, streams: int, pairs: int) -> Noise:
    """Two clocks, a third apart; the machine changes between them every ten calls or so."""
    changes = draw.random((streams, 2 * pairs), dtype=np.float32) < 0.1
    slow = np.cumsum(changes, axis=1) % 2
    noise = 0.29 * slow + 0.01 * _normal(draw, streams, 2 * pairs)
    return noise.astype(np.float32).reshape(streams, pairs, 2)


@family
def autocorrelated(draw: np.random.Generator, streams: int, pairs: int) -> Noise:
    """Each call resembles the one before, by nine tenths."""
    steps = 0.05 * _normal(draw, streams, 2 * pairs)
    noise = np.empty_like(steps)
    noise[:, 0] = steps[:, 0]
    for call in range(1, 2 * pairs):
        noise[:, call] = 0.9 * noise[:, call - 1] + steps[:, call]
    return noise.reshape(streams, pairs, 2)


@family
def second_is_slower(draw: np.random.Generator, streams: int, pairs: int) -> Noise:
    """The second call of a pair finds the cache full of the first one's numbers: three percent."""
    noise = 0.01 * _normal(draw, streams, 2 * pairs).reshape(streams, pairs, 2)
    noise[:, :, 1] += 0.03
    return noise


@family
def every_other_pair(draw: np.random.Generator, streams: int, pairs: int) -> Noise:
    """Something else runs in step with the pairs: now the first call suffers, now the second."""
    noise = 0.01 * _normal(draw, streams, 2 * pairs).reshape(streams, pairs, 2)
    noise[:, ::2, 0] += 0.1
    noise[:, 1::2, 1] += 0.1
    return noise


@family
def a_busy_neighbour(draw: np.random.Generator, streams: int, pairs: int) -> Noise:
    """Halves and doubles in bursts that are longer than a pair, with spikes at their ends."""
    changes = draw.random((streams, 2 * pairs), dtype=np.float32) < 0.05
    busy = np.cumsum(changes, axis=1) % 2
    noise = (
        0.7 * busy
        + 0.5 * changes
        + (0.02 + 0.15 * busy) * np.abs(_normal(draw, streams, 2 * pairs))
    )
    return noise.astype(np.float32).reshape(streams, pairs, 2)
