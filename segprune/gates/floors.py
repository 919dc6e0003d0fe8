"""Floors: what a policy and a dense network's figures demand of a pruned one, and whether it holds.

A floor is a claim about one fixed set of images, so it needs no statistics; what it takes to say
more is in `segprune.gates.difference`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from segprune.gates.policy import Budget
from segprune.gates.verdict import Status, Verdict, joined, unless
from segprune.metrics import Score

__all__ = ["Floors", "Size", "floors_of", "gate_floors", "gate_size"]

_SLACK = 1e-9  # rounding of differences, no allowance


@dataclass(frozen=True)
class Size:
    """Of inference on one image: parameters, multiply-adds, and bytes that its operators write."""

    params: int
    macs: int
    activation_bytes: int


@dataclass(frozen=True)
class Floors:
    """What a pruned network is held to.

    Attributes:
        rule: where the numbers come from, in words.
        miou: at least, in [0, 1]; also at least `miou_ratio` of the dense network's.
        class_iou: at least, by class; None where the dense network has none.
        most_macs, most_params: at most; None: no promise.
        speedup: at least, for the lower end of the interval.
    """

    rule: str
    miou: float
    miou_ratio: float
    class_iou: Mapping[str, float | None]
    most_macs: int | None
    most_params: int | None
    speedup: float


def floors_of(budget: Budget, classes: tuple[str, ...], score: Score, size: Size) -> Floors:
    """What a budget demands, given the dense network's score and size."""
    words = [f"mIoU ≥ dense − {budget.miou_loss:g} points"]
    if budget.miou_ratio:
        words.append(f"mIoU ≥ {budget.miou_ratio:g} of dense")
    words.append(f"each class ≥ dense − {budget.class_loss:g} points")
    words += [
        f"{name} ≤ {share:g} of dense"
        for name, share in (("MACs", budget.macs), ("parameters", budget.params))
        if share is not None
    ]
    words.append(f"speed-up ≥ {budget.speedup:g}")
    return Floors(
        rule=f"{budget.name}: " + ", ".join(words),
        miou=max(0.0, score.miou - budget.miou_loss / 100),
        miou_ratio=budget.miou_ratio,
        class_iou={
            name: None if iou is None else max(0.0, iou - budget.class_loss / 100)
            for name, iou in zip(classes, score.class_iou, strict=True)
        },
        most_macs=_most(budget.macs, size.macs),
        most_params=_most(budget.params, size.params),
        speedup=budget.speedup,
    )


def gate_floors(
    score: Score, classes: tuple[str, ...], dense_miou: float, floors: Floors
) -> Verdict:
    """Whether a score holds every floor; each that it misses is named."""
    missed = []
    if not floors.miou > 0:
        missed.append("floor of mIoU: expected one above 0, found none: it would gate nothing")
    if not score.miou >= floors.miou - _SLACK:
        missed.append(
            f"mIoU: expected at least {100 * floors.miou:.2f}, found {100 * score.miou:.2f}"
        )
    least = floors.miou_ratio * dense_miou
    if not score.miou >= least - _SLACK:
        missed.append(
            f"mIoU: expected at least {floors.miou_ratio:g} of the dense network's "
            f"{100 * dense_miou:.2f}, found {score.miou / dense_miou:.4f}"
        )
    found = dict(zip(classes, score.class_iou, strict=True))
    if found.keys() != floors.class_iou.keys():
        expected = ", ".join(floors.class_iou)
        return Verdict(
            Status.NOT_COMPARABLE,
            (f"classes: expected {expected}, found {', '.join(found)}; accept a new baseline",),
        )
    for name, floor in floors.class_iou.items():
        iou = found[name]
        if floor is None:
            continue
        if iou is None or not iou >= floor - _SLACK:
            value = "none" if iou is None else f"{100 * iou:.1f}"
            missed.append(f"IoU of {name}: expected at least {100 * floor:.1f}, found {value}")
    held = f"mIoU {100 * score.miou:.2f}, floor {100 * floors.miou:.2f}"
    return unless(missed, Status.FAIL, held)


def gate_size(found: Size, expected: Size, dense: Size, floors: Floors) -> Verdict:
    """Whether a network has exactly the size of its baseline, and one that its budget allows.

    Counts have no noise, so any difference is one of the network or of how it is counted.
    """
    over = []
    for name, count, most, whole in (
        ("MACs", found.macs, floors.most_macs, dense.macs),
        ("parameters", found.params, floors.most_params, dense.params),
    ):
        if most is not None and count > most:
            over.append(f"{name}: expected at most {most:,}, found {count:,} of {whole:,}")
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
    return joined([_same_size(found, expected), unless(over, Status.FAIL, shares)])


def _same_size(found: Size, expected: Size) -> Verdict:
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


def _most(share: float | None, whole: int) -> int | None:
    return None if share is None else math.floor(share * whole + _SLACK)
