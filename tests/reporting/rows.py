"""Rows of the headline's table from made-up records, and judgements of made-up figures."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from segprune.gates.policy import Budget
from segprune.gates.targets import Figures
from segprune.records.baseline import Size
from segprune.records.score import Score
from segprune.reporting import Collection, Policy
from segprune.reporting.dataset_report import Row, TargetResult, judge, results_rows


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
    found = Figures(
        size=Size(params * whole, macs * whole, 0),  # type: ignore[arg-type]  # NaN is no count
        dense_size=Size(whole, whole, 0),
        miou=0.9 - miou_loss / 100,
        dense_miou=0.9,
        class_iou={
            name: None if loss is None else 0.9 - loss / 100 for name, loss in class_losses.items()
        },
        speedup=None if low is None else (low, high or low),
    )
    dense = Score(0.9, (0.9,) * len(class_losses), 0.9, 1)
    return judge(budget, tuple(class_losses), dense, found, **options)
