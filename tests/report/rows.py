"""Rows of the headline's table from made-up records."""

from __future__ import annotations

from typing import Any

from segprune.reporting import Collection, Policy
from segprune.reporting.results_table import Row, standings


def rows_of(policy: Policy, *trainings: Any, speeds: Any = (), data: str = "streets") -> list[Row]:
    return list(standings(Collection(trainings=trainings, speeds=tuple(speeds)), policy, data))


def row_of(rows: list[Row], variant: str) -> Row:
    (found,) = [row for row in rows if row.trained.variant == variant]
    return found
