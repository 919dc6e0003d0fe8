"""Targets: what criteria require of a pruned network, given its dense network, and when it holds.

The functions are pure. Gates, recoveries and reports may differ in the criteria
(`Criteria.speedup_share`) and in the figures, but never in how these are judged.
"""

from __future__ import annotations

import math

from segprune.gates.criteria import Criteria
from segprune.gates.verdict import Status
from segprune.records.baseline import Floors, Targets
from segprune.records.prune import Size
from segprune.records.score import Score

__all__ = ["SURELY_SLOWER", "floors_of", "holds", "speedup_status", "targets_of"]

SURELY_SLOWER = 1.01
_SLACK = 1e-9  # rounding of differences, no allowance


def targets_of(terms: Criteria, dense: Size) -> Targets:
    """Return what terms require, given the dense network's size."""
    budget = terms.budget
    return Targets(
        rule=terms.rule,
        miou_ratio=budget.miou_ratio,
        most_macs=_most(budget.macs, dense.macs),
        most_params=_most(budget.params, dense.params),
        speedup=terms.speedup,
    )


def floors_of(terms: Criteria, classes: tuple[str, ...], dense_score: Score, dense: Size) -> Floors:
    """Return what terms require, given the dense network's score and size."""
    budget = terms.budget
    return Floors(
        **vars(targets_of(terms, dense)),
        miou=max(0.0, dense_score.miou - budget.miou_loss / 100),
        class_iou={
            name: None if iou is None else max(0.0, iou - budget.class_loss / 100)
            for name, iou in zip(classes, dense_score.class_iou, strict=True)
        },
    )


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
