"""How much worse a pruned network is on images like these, not only on these.

A floor holds on one fixed set. A statement beyond it has to allow for the choice of the images, and
neighbouring frames of a video are nearly the same image: blocks of neighbouring frames are drawn
anew, with replacement, within their sequence, the same for both networks (the paired moving-block
bootstrap; Künsch, Annals of Statistics 17, 1989). A block is ten frames in a row. Blocks are drawn
until they fill the sequence's length; the last one is cut.

A sequence of fewer than two blocks is too short to draw from. It counts as one block, however
short, and all such blocks are drawn from one common pool. So are images of no sequence.

The bound is one-sided: is the loss below the margin?
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from segprune.errors import InputError
from segprune.evaluation.metrics import ConfusionMatrix
from segprune.gates.verdict import Status, Verdict

__all__ = ["Difference", "bootstrap_difference", "gate_difference"]

_BLOCK, _LEAST_SEQUENCES, _LEAST_BLOCKS = 10, 2, 20
_POWER = 0.8
_AT_ONCE = 2**22  # numbers in memory


@dataclass(frozen=True)
class Difference:
    """A loss of mIoU, in points; positive is worse than dense.

    Attributes:
        loss: on these images.
        low, high: one-sided bounds, each with `confidence`.
        detectable: the least true loss above the margin that such a set would find in four of five
            cases.
        sequences, blocks: the number of sequences drawn from, and of blocks in each draw.
        basis: a description of what counts as a sequence.
    """

    loss: float
    low: float
    high: float
    detectable: float
    sequences: int
    blocks: int
    confidence: float
    basis: str = ""

    @property
    def supports_claims(self) -> bool:
        """Whether there are enough images to estimate how such images vary."""
        return self.sequences >= _LEAST_SEQUENCES and self.blocks >= _LEAST_BLOCKS


class _Pool(NamedTuple):
    """Blocks to draw from, and how many are drawn: `sums` is (blocks, 2 networks, 3, K)."""

    sums: NDArray[np.float64]
    draws: int


def bootstrap_difference(
    dense: ConfusionMatrix,
    pruned: ConfusionMatrix,
    sequences: tuple[str, ...],
    *,
    basis: str = "",
    confidence: float = 0.95,
    draws: int = 2000,
    seed: int = 0,
) -> Difference:
    """Draw blocks of frames again and again, and return how the loss of mIoU varies.

    Args:
        dense, pruned: counts of the same images, in order.
        sequences: the sequence of each image; the frames of a sequence are in their order.
        basis: a description of what counts as a sequence, for messages.
        draws: the number of repetitions.

    Raises:
        InputError: the networks saw different images, the number of sequences is not that of the
            images, or no pixel is labelled.
    """
    if not len(dense) == len(pruned) == len(sequences):
        raise InputError(
            f"bootstrap: expected counts and sequences of the same images, found {len(dense)}, "
            f"{len(pruned)} and {len(sequences)}; evaluate both on one data set."
        )
    loss = 100 * (dense.score().miou - pruned.score().miou)
    facts = np.stack([_facts(matrix) for matrix in (dense, pruned)], axis=1)
    frames = _frames(sequences, np.flatnonzero(facts.any(axis=(1, 2, 3))))
    pools = _pools([facts[places] for places in frames])
    random = np.random.default_rng(seed)
    at_once = max(1, _AT_ONCE // max(len(pool.sums) for pool in pools))
    sizes = [min(at_once, draws - done) for done in range(0, draws, at_once)]
    losses = np.concatenate([_losses(pools, random, size) for size in sizes])
    low, high = np.quantile(losses, [1 - confidence, confidence])
    normal = NormalDist().inv_cdf
    return Difference(
        loss=loss,
        low=float(low),
        high=float(high),
        detectable=(normal(confidence) + normal(_POWER)) * float(losses.std(ddof=1)),
        sequences=len(frames),
        blocks=sum(pool.draws for pool in pools),
        confidence=confidence,
        basis=basis,
    )


def gate_difference(found: Difference, margin: float) -> Verdict:
    """Judge whether a loss is below a margin (points), on images like these.

    INCONCLUSIVE with fewer than two sequences or twenty blocks: images could vary in any way.
    """
    basis = f" ({found.basis})" if found.basis else ""
    if not found.supports_claims:
        return Verdict(
            Status.INCONCLUSIVE,
            (
                f"beyond these images: expected at least {_LEAST_SEQUENCES} sequences and "
                f"{_LEAST_BLOCKS} blocks of frames, found {found.sequences} and "
                f"{found.blocks}{basis}: too few to judge other images. Add images; "
                "the floors hold for these",
            ),
        )
    bounds = (
        f"loss of {found.loss:.2f} points, at most {found.high:.2f} at {found.confidence:.0%} "
        f"({found.blocks} blocks; a loss {found.detectable:.2f} points above the margin would "
        "be found in four of five cases)"
    )
    if found.high <= margin:
        return Verdict(Status.PASS, (f"beyond these images: {bounds}, may be {margin:g}{basis}",))
    if found.low > margin:
        return Verdict(
            Status.FAIL,
            (
                f"beyond these images: expected a loss of at most {margin:g} points, found at "
                f"least {found.low:.2f} at {found.confidence:.0%}{basis}",
            ),
        )
    return Verdict(
        Status.INCONCLUSIVE, (f"beyond these images: {bounds}, may be {margin:g}{basis}",)
    )


def _facts(matrix: ConfusionMatrix) -> NDArray[np.float64]:
    """Count right, labelled and predicted pixels of each image and class: (images, 3, K).

    The counts are exact in float64, since they are far below 2^53.
    """
    images, classes = len(matrix), matrix.num_classes
    image, target, prediction, count = matrix.entries.T

    def summed(kept: NDArray[np.bool_], column: NDArray[np.int64]) -> NDArray[np.float64]:
        cells = np.bincount(
            image[kept] * classes + column[kept], weights=count[kept], minlength=images * classes
        )
        return np.asarray(cells.reshape(images, classes), dtype=np.float64)

    every = np.ones(len(image), dtype=bool)
    return np.stack(
        [
            summed(target == prediction, target),
            summed(every, target),
            summed(prediction < classes, prediction),
        ],
        axis=1,
    )


def _frames(sequences: Sequence[str], labelled: NDArray[np.intp]) -> list[NDArray[np.intp]]:
    """Return the positions of each sequence's frames, without frames that are void throughout."""
    places: dict[str, list[int]] = {}
    for place in labelled.tolist():
        places.setdefault(sequences[place], []).append(place)
    return [np.array(each, dtype=np.intp) for each in places.values()]


def _pools(sequences: Sequence[NDArray[np.float64]]) -> list[_Pool]:
    """Return the pools to draw from: sums of each possible block, computed once."""
    short = [facts.sum(axis=0) for facts in sequences if len(facts) < 2 * _BLOCK]
    pools = [_Pool(np.stack(short), len(short))] if short else []
    for facts in sequences:
        if len(facts) >= 2 * _BLOCK:
            blocks = -(-len(facts) // _BLOCK)
            rest = len(facts) - (blocks - 1) * _BLOCK
            starts = len(facts) - _BLOCK + 1
            so_far = np.concatenate([np.zeros_like(facts[:1]), facts.cumsum(axis=0)])
            pools += [
                _Pool(so_far[length : length + starts] - so_far[:starts], times)
                for length, times in ((_BLOCK, blocks - 1), (rest, 1))
            ]
    return pools


def _losses(pools: Sequence[_Pool], random: np.random.Generator, draws: int) -> NDArray[np.float64]:
    """Return the loss of mIoU of each draw, in points."""
    sums = np.zeros((draws, *pools[0].sums.shape[1:]))
    for pool in pools:
        blocks = len(pool.sums)
        times = random.multinomial(pool.draws, np.full(blocks, 1 / blocks), size=draws)
        sums += (times.astype(np.float64) @ pool.sums.reshape(blocks, -1)).reshape(sums.shape)
    right, labelled, predicted = np.moveaxis(sums, 2, 0)
    union = labelled + predicted - right
    present = union > 0
    iou = np.divide(right, union, out=np.zeros_like(union), where=present)
    miou = iou.sum(axis=-1) / present.sum(axis=-1)
    return np.asarray(100 * (miou[:, 0] - miou[:, 1]), dtype=np.float64)
