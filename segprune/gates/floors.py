"""Floors: what a policy and a dense network's figures demand of a pruned one, and whether it holds.

A floor is a claim about one fixed set of images, so it needs no statistics; what it takes to say
more is in `segprune.gates.difference`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from segprune.gates.terms import Terms
from segprune.gates.verdict import Status, Verdict, unless
from segprune.metrics import Score

__all__ = [
    "Floors",
    "Promise",
    "Size",
    "floors_of",
    "gate_budget",
    "gate_dense",
    "gate_floors",
    "gate_size",
    "promise_of",
]

_SLACK = 1e-9  # rounding of differences, no allowance


@dataclass(frozen=True)
class Size:
    """Of inference on one image: parameters, multiply-adds, and bytes that its operators write."""

    params: int
    macs: int
    activation_bytes: int


@dataclass(frozen=True)
class Promise:
    """What a pruned network is held to whatever the images are.

    Attributes:
        rule: the whole promise in words; two promises are the same where these are.
        miou_ratio: at least this share of the dense network's mIoU.
        most_macs, most_params: at most; None: no promise.
        speedup: at least, for the lower end of the interval.
    """

    rule: str
    miou_ratio: float
    most_macs: int | None
    most_params: int | None
    speedup: float


@dataclass(frozen=True)
class Floors(Promise):
    """A promise, and what follows from it on one set of images.

    Attributes:
        miou: at least, in [0, 1].
        class_iou: at least, by class; None where the dense network has none.
    """

    miou: float
    class_iou: Mapping[str, float | None]


def promise_of(terms: Terms, dense: Size) -> Promise:
    """What terms demand, given the dense network's size."""
    budget = terms.budget
    return Promise(
        rule=terms.rule,
        miou_ratio=budget.miou_ratio,
        most_macs=_most(budget.macs, dense.macs),
        most_params=_most(budget.params, dense.params),
        speedup=terms.speedup,
    )


def floors_of(terms: Terms, classes: tuple[str, ...], dense_score: Score, dense: Size) -> Floors:
    """What terms demand, given the dense network's score and size."""
    budget = terms.budget
    return Floors(
        **vars(promise_of(terms, dense)),
        miou=max(0.0, dense_score.miou - budget.miou_loss / 100),
        class_iou={
            name: None if iou is None else max(0.0, iou - budget.class_loss / 100)
            for name, iou in zip(classes, dense_score.class_iou, strict=True)
        },
    )


def gate_dense(miou: float, least: float) -> Verdict:
    """Whether a dense network is good enough to be one that others are held against."""
    problem = (
        f"dense network: expected mIoU of at least {100 * least:.2f}, as the policy says for these "
        f"images, found {100 * miou:.2f}; train it longer before anything is pruned from it",
    )
    held = f"dense network's mIoU {100 * miou:.2f}, at least {100 * least:.2f}"
    return unless(() if miou >= least - _SLACK else problem, Status.FAIL, held)


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


def gate_budget(found: Size, dense: Size, promise: Promise) -> Verdict:
    """Whether a network is smaller than its dense one, and as small as was promised."""
    over = []
    for name, count, most, whole in (
        ("MACs", found.macs, promise.most_macs, dense.macs),
        ("parameters", found.params, promise.most_params, dense.params),
    ):
        if most is not None and count > most:
            over.append(
                f"{name}: expected at most {most / whole:.1%} of the dense network's ({most:,} of "
                f"{whole:,}), found {count / whole:.1%} ({count:,}); prune more, or promise less"
            )
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


def _most(share: float | None, whole: int) -> int | None:
    return None if share is None else math.floor(share * whole + _SLACK)
