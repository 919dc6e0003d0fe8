"""The claim beyond a set: the block bootstrap against theory, and what is too little to claim."""

from __future__ import annotations

import math

import numpy as np
import pytest

from segprune.errors import InputError
from segprune.evaluation.metrics import ConfusionMatrix
from segprune.gates.bootstrap import Difference, bootstrap_difference, gate_difference
from segprune.gates.verdict import Status


def matrix(hits: list[int], pixels: int = 100) -> ConfusionMatrix:
    """Images with one class of two; so many pixels of each are right."""
    rows = []
    for image, right in enumerate(hits):
        target = image % 2
        cells = {target: right, 1 - target: pixels - right}
        rows += [(image, target, p, cells[p]) for p in (0, 1) if cells[p]]
    return ConfusionMatrix.from_entries(np.array(rows, dtype=np.int64), len(hits), 2)


def sequences(images: int, each: int) -> tuple[str, ...]:
    return tuple(f"s{number // each}" for number in range(images))


def test_a_network_is_not_worse_than_itself() -> None:
    same = matrix([90] * 400)
    found = bootstrap_difference(same, same, sequences(400, 10))
    assert (found.loss, found.low, found.high) == (0, 0, 0)
    assert (found.sequences, found.blocks) == (40, 40)
    assert gate_difference(found, 0.0).status is Status.PASS


def test_the_order_of_the_networks_is_the_sign_of_the_loss() -> None:
    good, bad = matrix([90] * 400), matrix([80] * 400)
    one = bootstrap_difference(good, bad, sequences(400, 10))
    other = bootstrap_difference(bad, good, sequences(400, 10))
    assert one.loss == pytest.approx(-other.loss)
    assert one.loss > 10
    assert gate_difference(one, 1.0).status is Status.FAIL
    assert gate_difference(other, 1.0).status is Status.PASS


def test_frames_that_resemble_their_neighbours_widen_the_bound() -> None:
    """Each sequence has a difficulty of its own: as one block it counts once, not ten times."""
    draw = np.random.default_rng(1)
    hits = np.repeat(draw.integers(40, 100, 40), 10).tolist()
    dense, pruned = matrix([95] * 400), matrix(hits)
    together = bootstrap_difference(dense, pruned, sequences(400, 10))
    apart = bootstrap_difference(dense, pruned, tuple(f"s{n}" for n in range(400)))
    assert (together.high - together.loss) > 2 * (apart.high - apart.loss)


def test_the_spread_is_that_of_the_mean_where_there_is_a_formula() -> None:
    """Images of both classes, all of one size: the accuracy's spread over blocks is a mean's."""
    draw = np.random.default_rng(2)
    hits = draw.integers(60, 100, 300).tolist()
    dense, pruned = matrix([100] * 300), matrix(hits)
    found = bootstrap_difference(dense, pruned, tuple(f"s{n}" for n in range(300)))
    # Both classes lose alike, so IoU = h / (2 - h) with h the mean hit rate: derivative 2/(2-h)².
    rate = float(np.mean(hits)) / 100
    slope = 2 / (2 - rate) ** 2
    expected = 100 * slope * float(np.std(hits)) / 100 / math.sqrt(300)
    assert (found.high - found.loss) / 1.645 == pytest.approx(expected, rel=0.1)
    assert found.detectable == pytest.approx((1.645 + 0.842) * expected, rel=0.1)


@pytest.mark.parametrize(("images", "each"), [(400, 400), (190, 10), (39, 2)])
def test_one_sequence_or_fewer_than_twenty_blocks_support_no_claim(images: int, each: int) -> None:
    same = matrix([90] * images)
    found = bootstrap_difference(same, same, sequences(images, each))
    verdict = gate_difference(found, 100.0)
    expected = Status.PASS if found.blocks >= 20 and found.sequences >= 2 else Status.INCONCLUSIVE
    assert verdict.status is expected
    assert (expected is Status.INCONCLUSIVE) == (each > 2)


def test_a_bound_on_both_sides_of_the_margin_is_inconclusive_and_says_what_it_could_find() -> None:
    found = Difference(0.8, 0.2, 1.4, 0.9, 30, 60, 0.95)
    verdict = gate_difference(found, 1.0)
    assert verdict.status is Status.INCONCLUSIVE
    assert "0.90 points above the margin" in verdict.reasons[0]


def test_counts_of_other_images_are_refused() -> None:
    with pytest.raises(InputError, match="one data set"):
        bootstrap_difference(matrix([1] * 3), matrix([1] * 4), sequences(4, 1))
