"""The same weights must give the same predictions, on this machine and on any other.

Rounding differs between processors, and changes one pixel in some millions. A fault of the
evaluation (another rule for ties, a resize that is off by one, a wrong void label) changes many
more. So the counts of every image are kept, and compared image by image.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from segprune.evaluation.metrics import ConfusionMatrix
from segprune.gates.policy import Tolerance
from segprune.gates.verdict import Status, Verdict, unless

__all__ = ["gate_determinism"]


def gate_determinism(
    found: ConfusionMatrix,
    expected: ConfusionMatrix,
    names: tuple[str, ...],
    tolerance: Tolerance | None = None,
) -> Verdict:
    """Judge whether two evaluations of the same weights on the same images agree.

    Args:
        found, expected: counts of the same images in the same order.
        names: of the images.
        tolerance: what rounding may change; None means the usual.

    Pixels that change their class are counted by image: half of the sum of all changes of its
    counts, which is the least number of changed pixels that explains them.
    """
    allowed = tolerance or Tolerance()
    same = (found.num_classes, found.void, len(found)) == (
        expected.num_classes, expected.void, len(expected),
    )  # fmt: skip
    if not same:
        return Verdict(
            Status.NOT_COMPARABLE,
            (
                f"evaluation: expected {len(expected)} images of {expected.num_classes} classes, "
                f"found {len(found)} of {found.num_classes}; accept a new baseline",
            ),
        )
    moved = _moved(found.per_image, expected.per_image)
    labelled = int(expected.counts.sum())
    missing = int(abs(found.counts.sum() - labelled))
    flips = 1e6 * float(moved.sum()) / labelled
    points = 100 * abs(found.score().miou - expected.score().miou)
    problems = []
    if missing:
        problems.append(
            f"labelled pixels: expected {labelled:,}, found {int(found.counts.sum()):,}: labels or "
            "the void rule changed"
        )
    if flips > allowed.flips_per_million:
        worst = int(np.argmax(moved))
        problems.append(
            f"predictions: expected at most {allowed.flips_per_million:g} changed pixels in a "
            f"million for the same weights, found {flips:.1f} ({moved[worst]:g} in "
            f"{names[worst]}): the evaluation or the network's code changed"
        )
    if points > allowed.miou_points:
        problems.append(
            f"mIoU: expected within {allowed.miou_points:g} points for the same weights, found "
            f"{100 * found.score().miou:.3f} in place of {100 * expected.score().miou:.3f}"
        )
    return unless(problems, Status.FAIL, f"{flips:.2g} changed pixels in a million")


def _moved(found: NDArray[np.int64], expected: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return a lower bound on the changed pixels of each image: half of its counts' L1 distance."""
    return np.asarray(np.abs(found - expected).sum(axis=(1, 2)) / 2, dtype=np.float64)
