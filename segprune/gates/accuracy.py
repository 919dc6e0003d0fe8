"""Gates of accuracy and size: whether figures hold the floors that follow from a dense network.

A floor is about one fixed set of images, so it needs no statistics. `segprune.gates.bootstrap` says
what holds for other images.
"""

from __future__ import annotations

import math
import statistics

from segprune.gates.targets import floors_of, holds, targets_of
from segprune.gates.verdict import Status, Verdict, unless
from segprune.records.baseline import Floors, Targets
from segprune.records.prune import Size
from segprune.records.score import Score

__all__ = [
    "Floors",
    "Size",
    "Targets",
    "floors_of",
    "gate_budget",
    "gate_dense",
    "gate_floors",
    "gate_seeds",
    "gate_size",
    "targets_of",
]

# Student's t, one-sided 95 %, by degrees of freedom; from 30 on the normal value is close enough.
_T = (6.314, 2.920, 2.353, 2.132, 2.015, 1.943, 1.895, 1.860, 1.833, 1.812)


def gate_dense(miou: float, least: float) -> Verdict:
    """Judge whether a dense network is good enough to compare others with."""
    problem = (
        f"dense network: expected mIoU of at least {100 * least:.2f}, as the policy says for these "
        f"images, found {100 * miou:.2f}; train it longer before anything is pruned from it",
    )
    passed = f"dense network's mIoU {100 * miou:.2f}, at least {100 * least:.2f}"
    return unless(() if holds(miou, least) else problem, Status.FAIL, passed)


def gate_floors(
    score: Score, classes: tuple[str, ...], dense_miou: float, floors: Floors
) -> Verdict:
    """Judge whether a score holds every floor; each that it misses is named.

    A class without an IoU in the dense network has no floor. NaN holds no floor.
    """
    found = dict(zip(classes, score.class_iou, strict=True))
    if found.keys() != floors.class_iou.keys():
        expected = ", ".join(floors.class_iou)
        return Verdict(
            Status.NOT_COMPARABLE,
            (f"classes: expected {expected}, found {', '.join(found)}; accept a new baseline",),
        )
    missed = []
    if not floors.miou > 0:
        missed.append("floor of mIoU: expected one above 0, found none: it would gate nothing")
    if not holds(score.miou, floors.miou):
        missed.append(
            f"mIoU: expected at least {100 * floors.miou:.2f}, found {100 * score.miou:.2f}"
        )
    if not holds(score.miou, floors.miou_ratio * dense_miou):
        missed.append(
            f"mIoU: expected at least {floors.miou_ratio:g} of the dense network's "
            f"{100 * dense_miou:.2f}, found {score.miou / dense_miou:.4f}"
        )
    for name, least in floors.class_iou.items():
        iou = found[name]
        if least is not None and (iou is None or not holds(iou, least)):
            value = "none" if iou is None else f"{100 * iou:.1f}"
            missed.append(f"IoU of {name}: expected at least {100 * least:.1f}, found {value}")
    passed = f"mIoU {100 * score.miou:.2f}, floor {100 * floors.miou:.2f}"
    return unless(missed, Status.FAIL, passed)


def gate_budget(found: Size, dense: Size, targets: Targets) -> Verdict:
    """Judge whether a network is smaller than its dense one, and as small as its target."""
    over = [
        f"{name}: expected at most {most / whole:.1%} of the dense network's ({most:,} of "
        f"{whole:,}), found {count / whole:.1%} ({count:,}); prune more, or lower the target"
        for name, count, most, whole in (
            ("MACs", found.macs, targets.most_macs, dense.macs),
            ("parameters", found.params, targets.most_params, dense.params),
        )
        if most is not None and not count <= most
    ]
    if found.params >= dense.params and found.macs >= dense.macs:
        over.append(
            f"parameters and MACs: expected fewer than the dense network's {dense.params:,} and "
            f"{dense.macs:,}, found {found.params:,} and {found.macs:,}: channels were masked or "
            "have grown back, none was removed"
        )
    shares = (
        f"parameters {found.params / dense.params:.1%} and MACs {found.macs / dense.macs:.1%} of "
        "dense"
    )
    return unless(over, Status.FAIL, shares)


def gate_size(found: Size, expected: Size) -> Verdict:
    """Judge whether a network has exactly the size of its baseline.

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
    """Judge whether a recipe reaches a floor of mIoU, over seeds.

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
                f"recipe: expected {max(2, least_seeds)} seeds to judge it, found "
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
