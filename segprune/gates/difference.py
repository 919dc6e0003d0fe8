"""How much worse a pruned network is on images like these, not only on these.

A floor holds on one fixed set. A statement beyond it has to allow for the choice of the images, and
neighbouring frames of a video are nearly the same image: blocks of frames are drawn anew, with
replacement, within their sequences, the same for both networks (the paired moving-block bootstrap;
Künsch, Annals of Statistics 17, 1989). The bound is one-sided: is the loss below the margin?
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from segprune.errors import InputError
from segprune.gates.verdict import Status, Verdict
from segprune.metrics import ConfusionMatrix, score_counts

__all__ = ["Difference", "bootstrap_difference", "gate_difference"]

_BLOCK, _LEAST_SEQUENCES, _LEAST_BLOCKS = 10, 2, 20
_POWER = 0.8


@dataclass(frozen=True)
class Difference:
    """A loss of mIoU, in points; positive is worse than dense.

    Attributes:
        loss: on these images.
        low, high: one-sided bounds, each with `confidence`.
        detectable: the least true loss above the margin that such a set would find in four of five
            cases.
        sequences, blocks: what was drawn from.
    """

    loss: float
    low: float
    high: float
    detectable: float
    sequences: int
    blocks: int
    confidence: float

    @property
    def supports_claims(self) -> bool:
        """Whether there is footage enough to tell how such images vary."""
        return self.sequences >= _LEAST_SEQUENCES and self.blocks >= _LEAST_BLOCKS


def bootstrap_difference(
    dense: ConfusionMatrix,
    pruned: ConfusionMatrix,
    sequences: tuple[str, ...],
    *,
    confidence: float = 0.95,
    draws: int = 2000,
    seed: int = 0,
) -> Difference:
    """Draw blocks of frames anew and again, and see how the loss of mIoU varies.

    Args:
        dense, pruned: counts of the same images, in order.
        sequences: of each image; images of one sequence stand together, in the order of the frames.
        draws: how many times.

    Raises:
        InputError: other images for one of the two, or sequences of another number.
    """
    if not len(dense) == len(pruned) == len(sequences):
        raise InputError(
            f"bootstrap: expected counts and sequences of the same images, found {len(dense)}, "
            f"{len(pruned)} and {len(sequences)}; evaluate both on one data set."
        )
    blocks = [
        (first, last)
        for first, last in _blocks(sequences)
        if dense.per_image[first:last].any() or pruned.per_image[first:last].any()
    ]  # without those that are void throughout, and could be drawn alone
    sums = [_block_sums(matrix.per_image, blocks) for matrix in (dense, pruned)]
    random = np.random.default_rng(seed)
    losses = np.empty(draws)
    for draw in range(draws):
        chosen = random.integers(len(blocks), size=len(blocks))
        times = np.bincount(chosen, minlength=len(blocks))
        one, other = (100 * _miou(np.tensordot(times, each, 1)) for each in sums)
        losses[draw] = one - other
    spread = float(losses.std(ddof=1))
    loss = 100 * (dense.score().miou - pruned.score().miou)
    low, high = np.quantile(losses, [1 - confidence, confidence])
    return Difference(
        loss=loss,
        low=float(low),
        high=float(high),
        detectable=(_normal(confidence) + _normal(_POWER)) * spread,
        sequences=len(set(sequences)),
        blocks=len(blocks),
        confidence=confidence,
    )


def gate_difference(found: Difference, margin: float) -> Verdict:
    """Whether a loss is below a margin (points), on images like these.

    INCONCLUSIVE with fewer than two sequences or twenty blocks: too few to tell how images vary.
    """
    if not found.supports_claims:
        return Verdict(
            Status.INCONCLUSIVE,
            (
                f"beyond these images: expected at least {_LEAST_SEQUENCES} sequences and "
                f"{_LEAST_BLOCKS} blocks of {_BLOCK} frames, found {found.sequences} and "
                f"{found.blocks}; a claim needs more footage, the floors hold for this one",
            ),
        )
    bounds = (
        f"loss of {found.loss:.2f} points, at most {found.high:.2f} at {found.confidence:.0%} "
        f"({found.blocks} blocks; a loss {found.detectable:.2f} points above the margin would "
        "be found in four of five cases)"
    )
    if found.high <= margin:
        return Verdict(Status.PASS, (f"beyond these images: {bounds}, may be {margin:g}",))
    if found.low > margin:
        return Verdict(
            Status.FAIL,
            (
                f"beyond these images: expected a loss of at most {margin:g} points, found at "
                f"least {found.low:.2f} at {found.confidence:.0%}",
            ),
        )
    return Verdict(Status.INCONCLUSIVE, (f"beyond these images: {bounds}, may be {margin:g}",))


def _blocks(sequences: tuple[str, ...]) -> list[tuple[int, int]]:
    """First and last place of each block; the rest of a sequence is a shorter block of its own."""
    places, begin = [], 0
    for _, frames in groupby(sequences):
        end = begin + sum(1 for _ in frames)
        places += [(at, min(at + _BLOCK, end)) for at in range(begin, end, _BLOCK)]
        begin = end
    return places


def _block_sums(per_image: NDArray[np.int64], blocks: list[tuple[int, int]]) -> NDArray[np.int64]:
    return np.stack([per_image[first:last].sum(axis=0) for first, last in blocks])


def _miou(counts: NDArray[np.int64]) -> float:
    return score_counts(counts, 1).miou


def _normal(probability: float) -> float:
    return NormalDist().inv_cdf(probability)
