"""Retrained networks are judged over seeds: one run says nothing about a recipe.

Published repeats of one recipe of BiSeNetV2 span two points; one mask, fine-tuned under three
seeds, once lost two points and once won half a one.
"""

from __future__ import annotations

import math
import statistics

from segprune.gates.verdict import Status, Verdict

__all__ = ["gate_seeds"]

# Student's t, one-sided 95 %, by degrees of freedom; from 30 on the normal value is close enough.
_T = (6.314, 2.920, 2.353, 2.132, 2.015, 1.943, 1.895, 1.860, 1.833, 1.812)


def gate_seeds(mious: tuple[float, ...], floor: float, least_seeds: int = 3) -> Verdict:
    """Whether a recipe reaches a floor of mIoU, over seeds.

    Args:
        mious: of each seed, in [0, 1].
        floor: in [0, 1], for the mean.
        least_seeds: fewer are INCONCLUSIVE, and say so.

    PASS and FAIL need the one-sided 95 % bound of the mean (Student's t) on one side of the floor.
    """
    if len(mious) < max(2, least_seeds):
        count = "one seed" if len(mious) == 1 else f"{len(mious)} seeds"
        return Verdict(
            Status.INCONCLUSIVE,
            (
                f"recipe: expected {max(2, least_seeds)} seeds for a claim about it, found "
                f"{count}; train more",
            ),
        )
    mean, spread = statistics.fmean(mious), statistics.stdev(mious)
    freedom = len(mious) - 1
    reach = (_T[freedom - 1] if freedom <= len(_T) else 1.8) * spread / math.sqrt(len(mious))
    found = (
        f"recipe: mean mIoU {100 * mean:.2f} ± {100 * reach:.2f} over {len(mious)} seeds, floor "
        f"{100 * floor:.2f}"
    )
    if mean - reach >= floor:
        return Verdict(Status.PASS, (found,))
    if mean + reach < floor:
        return Verdict(Status.FAIL, (found,))
    return Verdict(Status.INCONCLUSIVE, (found,))
