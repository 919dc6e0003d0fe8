"""Judge whether a network keeps a promise; gates and reports format the judgement.

The functions are pure: they take a promise and figures, and return the clauses that are missed. A
gate and a report may differ in the promise (`Terms.speedup_share`) and in the figures, but never in
how these are judged.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from segprune.gates.criteria import Terms
from segprune.gates.verdict import Status
from segprune.records.baseline import Floors, Promise, Size
from segprune.records.score import Score

__all__ = [
    "SURELY_SLOWER",
    "Figures",
    "Judgement",
    "Miss",
    "floors_of",
    "holds",
    "judge",
    "missed_floors",
    "missed_size",
    "promise_of",
    "speedup_status",
]  # fmt: skip

Clause = Literal["macs", "params", "smaller", "floor", "miou", "ratio", "class", "speedup"]

SURELY_SLOWER = 1.01
_SLACK = 1e-9  # rounding of differences, no allowance


@dataclass(frozen=True)
class Figures:
    """Measured figures of a pruned network.

    Attributes:
        size, dense_size: sizes of both networks.
        miou, dense_miou: mIoU of both networks, in [0, 1].
        class_iou: IoU of the pruned network, by class.
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
        clause: "smaller" requires fewer parameters or MACs than dense, "floor" a promised mIoU
            above 0, "ratio" a share of the dense network's mIoU; the others limit what they name.
        found, limit: the figure and its limit; None where there is none.
        name: the name of the class, if the clause is about one.
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
        """The judgement as the status of a gate."""
        if self.missed:
            return Status.FAIL
        return Status.INCONCLUSIVE if self.open else Status.PASS


def promise_of(terms: Terms, dense: Size) -> Promise:
    """Return what terms require, given the dense network's size."""
    budget = terms.budget
    return Promise(
        rule=terms.rule,
        miou_ratio=budget.miou_ratio,
        most_macs=_most(budget.macs, dense.macs),
        most_params=_most(budget.params, dense.params),
        speedup=terms.speedup,
    )


def floors_of(terms: Terms, classes: tuple[str, ...], dense_score: Score, dense: Size) -> Floors:
    """Return what terms require, given the dense network's score and size."""
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
    """Compare all figures with a whole promise."""
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
    """Return missed limits of MACs and parameters; equalling dense in both is a miss, too."""
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
    """Return missed floors of mIoU and of each class; a class without a dense IoU has no floor."""
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
    """Return what an interval says about a speed-up; None if the floor lies within it.

    Args:
        same_shapes: nothing was removed. A speed-up of nearly 1 may then come from the place in
            memory, so the speed-up has to be clear.
    """
    if low >= (max(floor, SURELY_SLOWER) if same_shapes else floor):
        return Status.PASS
    return None if high >= floor else Status.FAIL  # NaN fails, too


def holds(found: float, least: float) -> bool:
    """Return whether a share reaches a floor, apart from rounding; NaN reaches none."""
    return found >= least - _SLACK


def _most(share: float | None, whole: int) -> int | None:
    return None if share is None else math.floor(share * whole + _SLACK)
