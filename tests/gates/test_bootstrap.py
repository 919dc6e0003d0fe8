"""The moving-block bootstrap is compared with slow code, and with an enumeration of all draws."""

from __future__ import annotations

import itertools
import math
import random

import numpy as np
import pytest
from numpy.typing import NDArray

from segprune.errors import InputError
from segprune.evaluation.metrics import ConfusionMatrix
from segprune.gates.bootstrap import Difference, bootstrap_difference, gate_difference
from segprune.gates.verdict import Status

BLOCK = 10
Counts = NDArray[np.int64]


def made(images: int, seed: int, quality: float = 0.8, classes: int = 3) -> Counts:
    """Make counts (images, K, K + 1) that drift by frames; some predictions are no class."""
    draw = np.random.default_rng(seed)
    drift = np.cumsum(draw.normal(0, 0.03, images))
    counts = np.zeros((images, classes, classes + 1), dtype=np.int64)
    for image, target in itertools.product(range(images), range(classes)):
        right = min(max(quality + drift[image], 0.1), 0.95)
        others = np.full(classes + 1, (1 - right) / classes)
        others[target] = right
        counts[image, target] = draw.multinomial(draw.integers(50, 200), others / others.sum())
    return counts


def matrix(counts: Counts) -> ConfusionMatrix:
    places = np.argwhere(counts)
    values = counts[tuple(places.T)]
    entries = np.concatenate([places, values[:, None]], axis=1).astype(np.int64)
    return ConfusionMatrix.from_entries(entries, len(counts), counts.shape[1])


def miou(counts: Counts) -> float:
    """Compute mIoU from the definition, class by class."""
    shares = []
    for k in range(counts.shape[0]):
        hit = counts[k, k]
        union = counts[k].sum() + counts[:, k].sum() - hit
        if union:
            shares.append(hit / union)
    return 100 * float(sum(shares) / len(shares))


def slow_losses(dense: Counts, pruned: Counts, lengths: list[int], draws: int) -> list[float]:
    """Draw frame by frame, as the docstring of `segprune.gates.bootstrap` says."""
    chance = random.Random(7)
    sequences, begin = [], 0
    for length in lengths:
        sequences.append(list(range(begin, begin + length)))
        begin += length
    short = [frames for frames in sequences if len(frames) < 2 * BLOCK]
    losses = []
    for _ in range(draws):
        drawn = [frame for _ in short for frame in chance.choice(short)]
        for frames in sequences:
            if len(frames) >= 2 * BLOCK:
                own: list[int] = []
                while len(own) < len(frames):
                    start = chance.randrange(len(frames) - BLOCK + 1)
                    own += frames[start : start + BLOCK]
                drawn += own[: len(frames)]
        losses.append(miou(dense[drawn].sum(axis=0)) - miou(pruned[drawn].sum(axis=0)))
    return losses


def labels(lengths: list[int]) -> tuple[str, ...]:
    return tuple(f"s{n}" for n, length in enumerate(lengths) for _ in range(length))


@pytest.mark.parametrize(
    "lengths", [[87, 20, 41], [7, 1, 19, 12, 3, 9], [60, 5, 33, 1, 1, 18], [1] * 60]
)
def test_the_bounds_are_those_of_slow_code_on_sequences_of_unequal_lengths(
    lengths: list[int],
) -> None:
    images = sum(lengths)
    dense, pruned = made(images, 1), made(images, 2, 0.72)
    found = bootstrap_difference(matrix(dense), matrix(pruned), labels(lengths), draws=4000)
    slow = np.array(slow_losses(dense, pruned, lengths, 1500))
    spread = slow.std(ddof=1)
    low, high = np.quantile(slow, [0.05, 0.95])
    # A 5 % quantile of 1,500 draws has a standard error of about 0.055; four of these are allowed.
    assert abs(found.low - low) < 0.22 * spread
    assert abs(found.high - high) < 0.22 * spread
    assert found.detectable == pytest.approx((1.6449 + 0.8416) * spread, rel=0.1)


def test_every_draw_there_is_has_its_own_chance() -> None:
    """25 frames have 16 blocks; two are drawn whole, and the third one is cut to 5 frames."""
    dense, pruned = made(25, 3), made(25, 4, 0.7)
    losses = []
    for starts in itertools.product(range(16), repeat=3):
        frames = [start + n for start in starts for n in range(BLOCK)][:25]
        losses.append(miou(dense[frames].sum(axis=0)) - miou(pruned[frames].sum(axis=0)))
    found = bootstrap_difference(matrix(dense), matrix(pruned), ("s",) * 25, draws=20_000)
    low, high = np.quantile(losses, [0.05, 0.95])
    spread = float(np.std(losses))
    assert abs(found.low - low) < 0.06 * spread
    assert abs(found.high - high) < 0.06 * spread
    assert found.blocks == 3


def test_frames_are_drawn_within_their_sequence() -> None:
    """Two sequences differ, and each is the same in all frames: no draw can change anything."""
    one, other = made(2, 5)
    dense = np.stack([one] * 40 + [other] * 25)
    worse = made(2, 6, 0.6)
    pruned = np.stack([worse[0]] * 40 + [worse[1]] * 25)
    found = bootstrap_difference(matrix(dense), matrix(pruned), labels([40, 25]))
    assert found.low == pytest.approx(found.loss, abs=1e-9)
    assert found.high == pytest.approx(found.loss, abs=1e-9)


def test_frames_of_one_sequence_need_not_stand_together() -> None:
    dense, pruned = made(60, 1), made(60, 2, 0.7)
    apart = tuple("ab"[n % 2] for n in range(60))
    order = [*range(0, 60, 2), *range(1, 60, 2)]
    mixed = bootstrap_difference(matrix(dense), matrix(pruned), apart)
    sorted_ = bootstrap_difference(matrix(dense[order]), matrix(pruned[order]), labels([30, 30]))
    assert mixed == sorted_


def test_images_that_are_void_throughout_are_not_drawn() -> None:
    dense, pruned = made(30, 1), made(30, 2)
    full = bootstrap_difference(matrix(dense), matrix(pruned), labels([1] * 30))
    void = np.zeros((20, *dense.shape[1:]), dtype=np.int64)
    more = [matrix(np.concatenate([counts, void])) for counts in (dense, pruned)]
    assert bootstrap_difference(*more, labels([1] * 50)) == full


def test_no_memory_is_taken_for_matrices_of_all_images(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(self: ConfusionMatrix) -> Counts:
        raise AssertionError("dense matrices of every image")

    monkeypatch.setattr(ConfusionMatrix, "per_image", property(refused))
    bootstrap_difference(matrix(made(30, 1)), matrix(made(30, 2)), labels([30]))


def test_what_was_taken_for_a_sequence_is_in_every_verdict() -> None:
    same, worse = matrix(made(30, 1)), matrix(made(30, 2, 0.3))
    words = "each of 30 images by itself, for no sequence is known"
    alone = labels([1] * 30)
    passed = bootstrap_difference(same, same, alone, basis=words)
    failed = bootstrap_difference(same, worse, alone, basis=words)
    few = bootstrap_difference(same, same, labels([30]), basis=words)
    for found, status in (
        (passed, Status.PASS), (failed, Status.FAIL), (few, Status.INCONCLUSIVE),
    ):  # fmt: skip
        verdict = gate_difference(found, 0.5)
        assert verdict.status is status
        assert words in verdict.reasons[0]


def test_a_loss_above_the_margin_fails_only_if_all_of_the_interval_is() -> None:
    dense, pruned = matrix(made(60, 1)), matrix(made(60, 2, 0.7))
    found = bootstrap_difference(dense, pruned, labels([1] * 60))
    assert found.low < found.loss < found.high
    between = (found.low + found.loss) / 2
    assert gate_difference(found, found.low - 0.01).status is Status.FAIL
    assert gate_difference(found, between).status is Status.INCONCLUSIVE
    assert gate_difference(found, (found.loss + found.high) / 2).status is Status.INCONCLUSIVE
    assert gate_difference(found, found.high).status is Status.PASS


def two_classes(hits: list[int], pixels: int = 100) -> ConfusionMatrix:
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
    same = two_classes([90] * 400)
    found = bootstrap_difference(same, same, sequences(400, 10))
    assert (found.loss, found.low, found.high) == (0, 0, 0)
    assert (found.sequences, found.blocks) == (40, 40)
    assert gate_difference(found, 0.0).status is Status.PASS


def test_the_order_of_the_networks_is_the_sign_of_the_loss() -> None:
    good, bad = two_classes([90] * 400), two_classes([80] * 400)
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
    dense, pruned = two_classes([95] * 400), two_classes(hits)
    together = bootstrap_difference(dense, pruned, sequences(400, 10))
    apart = bootstrap_difference(dense, pruned, tuple(f"s{n}" for n in range(400)))
    assert (together.high - together.loss) > 2 * (apart.high - apart.loss)


def test_the_spread_is_that_of_the_mean_where_there_is_a_formula() -> None:
    """Images of both classes, all of one size: the accuracy's spread over blocks is a mean's."""
    draw = np.random.default_rng(2)
    hits = draw.integers(60, 100, 300).tolist()
    dense, pruned = two_classes([100] * 300), two_classes(hits)
    found = bootstrap_difference(dense, pruned, tuple(f"s{n}" for n in range(300)))
    # Both classes lose alike, so IoU = h / (2 - h) with h the mean hit rate: derivative 2/(2-h)².
    rate = float(np.mean(hits)) / 100
    slope = 2 / (2 - rate) ** 2
    expected = 100 * slope * float(np.std(hits)) / 100 / math.sqrt(300)
    assert (found.high - found.loss) / 1.645 == pytest.approx(expected, rel=0.1)
    assert found.detectable == pytest.approx((1.645 + 0.842) * expected, rel=0.1)


@pytest.mark.parametrize(("images", "each"), [(400, 400), (190, 10), (39, 2)])
def test_one_sequence_or_fewer_than_twenty_blocks_judge_no_other_images(
    images: int, each: int
) -> None:
    same = two_classes([90] * images)
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
        bootstrap_difference(two_classes([1] * 3), two_classes([1] * 4), sequences(4, 1))
