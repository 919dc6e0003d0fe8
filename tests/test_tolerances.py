"""Constants that could drift without a wrong result are tested on both sides of their limits.

The oracles follow the definitions: binomial sums, order statistics, bilinear weights.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors import safe_open
from torch import nn

import segprune
from segprune.evaluation.evaluate import best_classes
from segprune.speed import SpeedComparison, compare_speed, pairs
from segprune.speed.allocator import FEW_PAGES, kept_memory, pages_fetched

IMAGES = torch.zeros(1, 3, 8, 8)


# ---------------------------------------------------------------- looks


def rank(count: int, error: float) -> int:
    """Return the largest k with both tails below the k-th order statistic within the error."""
    below, k = 0.0, 0
    while 2 * (below + math.comb(count, k) / 2**count) <= error:
        below += math.comb(count, k) / 2**count
        k += 1
    return k


@pytest.mark.parametrize("look", [0, 1, 2])
def test_each_look_spends_its_own_share_of_the_error_alone(look: int) -> None:
    """The errors of each look, and the pairs by then, are those in the documentation of `LOOKS`."""
    count, error = ((16, 0.0042), (40, 0.0023), (128, 0.0036))[look]
    draw = np.random.default_rng(5)
    ratios = np.exp(draw.normal(0, 0.1, 400)).tolist()
    calls = itertools.count()
    order = pairs.drawn_order(400, 0)

    def stopwatch(call: Callable[[], object]) -> float:
        number = next(calls)
        reference = order[number // 2] == (number % 2 == 0)
        return float(ratios[number // 2]) if reference else 1.0

    looks: list[SpeedComparison] = []

    def stop(found: SpeedComparison) -> bool:
        looks.append(found)
        return len(looks) > look

    compare_speed(
        nn.Identity(), nn.Identity(), IMAGES, stop=stop, warmup=0, stopwatch=stopwatch,
        max_seconds=1e9,
    )  # fmt: skip
    found, ordered = looks[-1], sorted(ratios[:count])
    assert found.pairs == count
    k = rank(count, error)
    assert found.low == pytest.approx(ordered[k - 1])
    assert found.high == pytest.approx(ordered[-k])


def test_the_looks_together_spend_what_the_confidence_leaves() -> None:
    assert rank(40, 0.0023) < rank(40, 0.015)  # a look that spent all of it would be narrower
    assert rank(128, 0.0036) < rank(128, 0.015)


# ---------------------------------------------------------------- memory


@pytest.mark.skipif(pages_fetched() == 0, reason="pages are not counted on this system")
def test_large_blocks_that_were_freed_are_found_in_place_again() -> None:
    def touch() -> int:
        before = pages_fetched()
        torch.empty(96 * 2**18).fill_(1.0)  # 96 MiB: more than glibc keeps by itself
        return pages_fetched() - before

    with kept_memory():
        for _ in range(10):
            touch()
        assert touch() <= FEW_PAGES


@pytest.mark.parametrize(("settles_after", "calls"), [(0, 3), (3, 4), (5, 6), (7, 8), (99, 11)])
def test_warming_up_goes_on_while_calls_fetch_memory(
    monkeypatch: pytest.MonkeyPatch, settles_after: int, calls: int
) -> None:
    """Three calls are asked for; calls go on while they fetch memory, at most eight more."""
    done = 0

    def fetched() -> int:
        return 10_000 * min(done, settles_after)

    def stopwatch(call: Callable[[], object]) -> float:
        nonlocal done
        counted.append(call)
        done = len(counted) // 2
        return 1.0

    counted: list[Callable[[], object]] = []
    monkeypatch.setattr(pairs, "pages_fetched", fetched)
    with pairs.paired_runs(
        nn.Identity(), nn.Identity(), IMAGES, warmup=3, threads=1, seed=0, stopwatch=stopwatch
    ):
        assert len(counted) == 2 * calls


# ---------------------------------------------------------------- resizing


def bilinear(logits: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Resize (K, h, w) in float64, with half-pixel centres and repeated edges."""
    for axis, length in ((1, size[0]), (2, size[1])):
        old = logits.shape[axis]
        places = np.clip((np.arange(length) + 0.5) * old / length - 0.5, 0, old - 1)
        low = np.floor(places).astype(int)
        high, part = np.minimum(low + 1, old - 1), places - low
        shape = [1, 1, 1]
        shape[axis] = length
        part = part.reshape(shape)
        logits = np.take(logits, low, axis) * (1 - part) + np.take(logits, high, axis) * part
    return logits


@pytest.mark.parametrize(
    ("dtype", "apart"), [(torch.float32, 2e-3), (torch.float16, 4e-3), (torch.bfloat16, 4e-2)]
)
def test_logits_are_resized_in_single_precision(dtype: torch.dtype, apart: float) -> None:
    """The classes differ by about the precision of half, but by far more than that of single."""
    torch.manual_seed(0)
    base = torch.randn(1, 1, 5, 7) * 4
    logits = (base + torch.randn(1, 6, 5, 7) * apart).to(dtype)
    wide = bilinear(logits[0].double().numpy(), (23, 31))
    two = np.sort(wide, axis=0)[-2:]
    clear = two[1] - two[0] > 1e-5
    found = best_classes(logits, (23, 31))[0].numpy()
    assert clear.mean() > 0.5
    assert np.array_equal(found[clear], wide.argmax(axis=0)[clear])


def test_logits_of_the_label_s_size_are_compared_in_single_precision() -> None:
    logits = torch.tensor([1.0, 1.0 + 1e-5]).view(1, 2, 1, 1)
    assert best_classes(logits, (1, 1)).item() == 1


# ---------------------------------------------------------------- half precision in files


@pytest.mark.parametrize(
    ("step", "kept"),
    [
        (0.5, True),  # 9 % of the norm would be lost
        (0.04, True),  # 0.8 %
        (0.01, False),  # 0.2 %, as much as bfloat16 loses of any number
        (0.0, False),
    ],
)
def test_a_tensor_that_half_precision_would_change_is_kept_whole(
    tmp_path: Path, step: float, kept: bool
) -> None:
    """Weights below the normal numbers of float16, which are whole multiples of 2^-24 there."""
    network = nn.Sequential(nn.Conv2d(3, 8, 3), nn.Conv2d(8, 2, 1)).eval()
    plan = segprune.make_plan(network, IMAGES)
    small = segprune.prune(network, plan)
    with torch.no_grad():
        next(small.parameters()).fill_(2.0**-24 * (5 + step))
    path = segprune.save(tmp_path / "net.safetensors", small, plan, dtype=torch.float16)
    with safe_open(path, framework="pt") as file:
        stored = file.get_tensor("0.weight").dtype
    assert stored == (torch.float32 if kept else torch.float16)
