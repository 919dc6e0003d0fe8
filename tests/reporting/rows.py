"""Rows of the headline's table from made-up records, and judgements of made-up figures."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from reporting.records import speed
from segprune.gates.policy import Budget
from segprune.records.prune import Size
from segprune.records.score import Score
from segprune.reporting import Collection, Policy
from segprune.reporting.dataset_report import Row, TargetResult, judge, results_rows

SPEED = speed(1.8).speed  # its pairs are not looked at


def rows_of(policy: Policy, *trainings: Any, speeds: Any = (), data: str = "streets") -> list[Row]:
    return list(results_rows(Collection(trainings=trainings, speeds=tuple(speeds)), policy, data))


def row_of(rows: list[Row], variant: str) -> Row:
    (found,) = [row for row in rows if row.trained.variant == variant]
    return found


def judged(
    budget: Budget, macs: float, params: float, miou_loss: float,
    class_losses: Mapping[str, float | None], low: float | None, high: float | None = None,
    **options: Any,
) -> TargetResult:  # fmt: skip
    """Of shares, and of losses in points, beside a dense network whose IoUs are all 0.9."""
    whole = 10**9
    miou = 0.9 - miou_loss / 100
    class_iou = tuple(None if loss is None else 0.9 - loss / 100 for loss in class_losses.values())
    return judge(
        budget,
        tuple(class_losses),
        Score(0.9, (0.9,) * len(class_losses), 0.9, 1),
        Size(whole, whole, 0),
        Score(miou, class_iou, 0.9, 1),
        Size(params * whole, macs * whole, 0),  # type: ignore[arg-type]  # NaN is no count
        None if low is None else dataclasses.replace(SPEED, low=low, high=high or low),
        **options,
    )
