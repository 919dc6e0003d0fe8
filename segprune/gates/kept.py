"""The one judge: does a network keep a promise? Gates and reports put its answer into words.

Pure: a promise and figures in, the clauses that are missed out. What a gate and a report differ in
is in the promise (`Terms.speedup_share`) and in what was measured, never in how it is judged.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from segprune.gates.terms import Terms
from segprune.gates.verdict import Status
from segprune.metrics import Score

__all__ = [
    "SURELY_SLOWER", "Figures", "Floors", "Judgement", "Miss", "Promise", "Size", "floors_of",
    "holds", "judge", "missed_floors", "missed_size", "promise_of", "speedup_status",
]  # fmt: skip

Clause = Literal["macs", "params", "smaller", "floor", "miou", "ratio", "class", "speedup"]

SURELY_SLOWER = 1.01
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


@dataclass(frozen=True)
class Figures:
    """What a pruned network came to.

    Attributes:
        size, dense_size: of both networks.
        miou, dense_miou: in [0, 1].
        class_iou: of the pruned network, by class.
        speedup: both ends of its interval; None where it was not measured.
    """

    size: Size
    dense_size: Size
    miou: float
    dense_miou: float
    class_iou: Mapping[str, float | None]
    speedup: tuple[float, float] | None


@dataclass(frozen=True)
class Miss:
    """A clause that does not hold.

    Attributes:
        clause: "smaller": than dense; "floor": an mIoU above 0 is promised; "ratio": of the dense
            network's mIoU; the others by their names.
        found, limit: None where there is no such figure.
        name: of the class.
    """

    clause: Clause
    found: float | None
    limit: float | None
    name: str = ""


@dataclass(frozen=True)
class Judgement:
    """PASS: all is kept. FAIL: clauses are `missed`. INCONCLUSIVE: none is, but one is `open`."""

    missed: tuple[Miss, ...]
    open: tuple[Miss, ...]

    @property
    def status(self) -> Status:
        """As of a gate."""
        if self.missed:
            return Status.FAIL
        return Status.INCONCLUSIVE if self.open else Status.PASS


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


def judge(found: Figures, floors: Floors) -> Judgement:
    """Hold all figures against a whole promise."""
    missed = (
        *missed_size(found.size, found.dense_size, floors),
        *missed_floors(found.miou, found.class_iou, found.dense_miou, floors),
    )
    low = None if found.speedup is None else found.speedup[0]
    slow = Miss("speedup", low, floors.speedup)
    status = None if found.speedup is None else speedup_status(*found.speedup, floors.speedup)
    if status is Status.PASS:
        return Judgement(missed, ())
    return Judgement((*missed, slow), ()) if status is Status.FAIL else Judgement(missed, (slow,))


def missed_size(found: Size, dense: Size, promise: Promise) -> tuple[Miss, ...]:
    """Of the MACs and parameters that were promised; and none is as large as dense in both."""
    limits: tuple[tuple[Clause, int, int | None], ...] = (
        ("macs", found.macs, promise.most_macs),
        ("params", found.params, promise.most_params),
    )
    missed = [
        Miss(clause, count, most)
        for clause, count, most in limits
        if most is not None and not count <= most
    ]
    if found.params >= dense.params and found.macs >= dense.macs:
        missed.append(Miss("smaller", None, None))
    return tuple(missed)


def missed_floors(
    miou: float, class_iou: Mapping[str, float | None], dense_miou: float, floors: Floors
) -> tuple[Miss, ...]:
    """Of mIoU and of each class; a class that dense has no IoU of has no floor."""
    missed = []
    if not floors.miou > 0:
        missed.append(Miss("floor", floors.miou, 0))
    if not holds(miou, floors.miou):
        missed.append(Miss("miou", miou, floors.miou))
    least = floors.miou_ratio * dense_miou
    if not holds(miou, least):
        missed.append(Miss("ratio", miou, least))
    for name, floor in floors.class_iou.items():
        iou = class_iou[name]
        if floor is not None and (iou is None or not holds(iou, floor)):
            missed.append(Miss("class", iou, floor, name))
    return tuple(missed)


def speedup_status(
    low: float, high: float, floor: float, same_shapes: bool = False
) -> Status | None:
    """What an interval says of a speed-up; None: it lies on both sides of the floor.

    Args:
        same_shapes: nothing was removed, so a speed-up of nearly 1 is the luck of the memory, and
            has to be a clear one.
    """
    if low >= (max(floor, SURELY_SLOWER) if same_shapes else floor):
        return Status.PASS
    return None if high >= floor else Status.FAIL  # so does what is no number


def holds(found: float, least: float) -> bool:
    """Whether a share reaches a floor, but for rounding; NaN reaches none."""
    return found >= least - _SLACK


def _most(share: float | None, whole: int) -> int | None:
    return None if share is None else math.floor(share * whole + _SLACK)
