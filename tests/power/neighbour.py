"""A noisy neighbour: processes that burn the processor in bursts, for no longer than told."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import random
import time
from collections.abc import Iterator

__all__ = ["noisy_neighbour"]


@contextlib.contextmanager
def noisy_neighbour(
    seed: int, processes: int | None = None, limit_s: float = 120.0
) -> Iterator[None]:
    """As many processes as there are cores, each busy about half of the time.

    Bursts last from a hundredth of a second to one and a half, so that some are shorter than a call
    and some longer than a hundred pairs. The neighbours end with the block, with this process, or
    after `limit_s`, whichever comes first.
    """
    context = multiprocessing.get_context("spawn")
    count = processes or os.cpu_count() or 1
    burning = [
        context.Process(target=_burn, args=(seed + number, limit_s, os.getpid()), daemon=True)
        for number in range(count)
    ]
    for process in burning:
        process.start()
    try:
        yield
    finally:
        for process in burning:
            process.terminate()
        for process in burning:
            process.join()


def _burn(seed: int, limit_s: float, parent: int) -> None:
    draw = random.Random(seed)
    end = time.monotonic() + limit_s
    while time.monotonic() < end and os.getppid() == parent:
        busy_until = time.monotonic() + 10 ** draw.uniform(-2, 0.2)
        while time.monotonic() < busy_until:
            sum(number * number for number in range(1000))
        time.sleep(10 ** draw.uniform(-2, 0.2))
