"""Floors: what a policy and a dense network's figures demand of a pruned one, and whether it holds.

A floor is a claim about one fixed set of images, so it needs no statistics; what it takes to say
more is in `segprune.gates.bootstrap`.
"""

from __future__ import annotations

import math
import statistics

from segprune.gates.targets import Miss, floors_of, holds, missed_floors, missed_size, promise_of
from segprune.gates.verdict import Status, Verdict, unless
from segprune.records.baseline import Floors, Promise, Size
from segprune.records.score import Score

__all__ = [
    "Floors",
    "Promise",
    "Size",
    "floors_of",
    "gate_budget",
    "gate_dense",
    "gate_floors",
    "gate_seeds",
    "gate_size",
    "promise_of",
]

# Student's t, one-sided 95 %, by degrees of freedom; from 30 on the normal value is close enough.
_T = (6.314, 2.920, 2.353, 2.132, 2.015, 1.943, 1.895, 1.860, 1.833, 1.812)


def gate_dense(miou: float, least: float) -> Verdict:
    """Whether a dense network is good enough to be one that others are held against."""
    problem = (
        f"dense network: expected mIoU of at least {100 * least:.2f}, as the policy says for these "
        f"images, found {100 * miou:.2f}; train it longer before anything is pruned from it",
    )
    held = f"dense network's mIoU {100 * miou:.2f}, at least {100 * least:.2f}"
    return unless(() if holds(miou, least) else problem, Status.FAIL, held)


def gate_floors(
    score: Score, classes: tuple[str, ...], dense_miou: float, floors: Floors
) -> Verdict:
    """Whether a score holds every floor; each that it misses is named."""
    found = dict(zip(classes, score.class_iou, strict=True))
    if found.keys() != floors.class_iou.keys():
        expected = ", ".join(floors.class_iou)
        return Verdict(
            Status.NOT_COMPARABLE,
            (f"classes: expected {expected}, found {', '.join(found)}; accept a new baseline",),
        )
    missed = [
        _floor_words(miss, dense_miou, floors)
        for miss in missed_floors(score.miou, found, dense_miou, floors)
    ]
    held = f"mIoU {100 * score.miou:.2f}, floor {100 * floors.miou:.2f}"
    return unless(missed, Status.FAIL, held)


def gate_budget(found: Size, dense: Size, promise: Promise) -> Verdict:
    """Whether a network is smaller than its dense one, and as small as was promised."""
    over = [_size_words(miss, found, dense) for miss in missed_size(found, dense, promise)]
    shares = (
        f"parameters {found.params / dense.params:.1%} and MACs {found.macs / dense.macs:.1%} of "
        "dense"
    )
    return unless(over, Status.FAIL, shares)


def gate_size(found: Size, expected: Size) -> Verdict:
    """Whether a network has exactly the size of its baseline.

    Counts have no noise, so any difference is one of the network or of how it is counted.
    """
    differences = tuple(
        f"{name}: expected {one:,} as in the baseline, found {other:,}; if that is meant, accept "
        "a new baseline"
        for name, one, other in (
            ("parameters", expected.params, found.params),
            ("MACs", expected.macs, found.macs),
            ("activation bytes", expected.activation_bytes, found.activation_bytes),
        )
        if one != other
    )
    return unless(differences, Status.FAIL, "the size of the baseline")


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


def _floor_words(miss: Miss, dense_miou: float, floors: Floors) -> str:
    if miss.clause == "floor":
        return "floor of mIoU: expected one above 0, found none: it would gate nothing"
    least, found = 100 * (miss.limit or 0), miss.found
    if miss.clause == "ratio":
        return (
            f"mIoU: expected at least {floors.miou_ratio:g} of the dense network's "
            f"{100 * dense_miou:.2f}, found {(found or 0) / dense_miou:.4f}"
        )
    if miss.clause == "miou":
        return f"mIoU: expected at least {least:.2f}, found {100 * (found or 0):.2f}"
    value = "none" if found is None else f"{100 * found:.1f}"
    return f"IoU of {miss.name}: expected at least {least:.1f}, found {value}"


def _size_words(miss: Miss, found: Size, dense: Size) -> str:
    if miss.clause == "smaller":
        return (
            f"parameters and MACs: expected fewer than the dense network's {dense.params:,} and "
            f"{dense.macs:,}, found {found.params:,} and {found.macs:,}: channels were masked or "
            "have grown back, none was removed"
        )
    name, whole = ("MACs", dense.macs) if miss.clause == "macs" else ("parameters", dense.params)
    most, count = miss.limit or 0, miss.found or 0
    return (
        f"{name}: expected at most {most / whole:.1%} of the dense network's ({most:,} of "
        f"{whole:,}), found {count / whole:.1%} ({count:,}); prune more, or promise less"
    )
