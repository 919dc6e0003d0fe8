"""What a gate finds out about a case."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from segprune.gates.verdict import Verdict
from segprune.records.baseline import Baseline

__all__ = ["Figures", "Outcome", "ReadBaseline"]

Figures = dict[str, float]
"""Numbers by name, for the table of the summary."""

ReadBaseline = Callable[[], Baseline]
"""Reads the case's baseline when a gate needs it; gates get None while a baseline is accepted."""


@dataclass(frozen=True)
class Outcome:
    """A verdict, with the figures that it follows from.

    Attributes:
        facts: fields of the baseline, for --segprune-accept.
    """

    verdict: Verdict
    figures: Figures = field(default_factory=dict)
    facts: Mapping[str, Any] = field(default_factory=dict)
