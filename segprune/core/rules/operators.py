"""The table of operator rules: ATen operator name -> how labels travel through it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from segprune.core.tracing.ir import Node

__all__ = ["CREATIONS", "RULES", "Rule", "rule", "understood"]

Rule = Callable[[Any, Node], None]
"""Called with the `Propagation` in progress, which stands above this table, and the call."""

RULES: dict[str, Rule] = {}

CREATIONS: set[str] = set()
"""Operators whose result has a size but no channels of its inputs."""


def rule(*names: str, creates: bool = False) -> Callable[[Rule], Rule]:
    """Register a rule for operators, e.g. `@rule("relu", "aten.sigmoid")` ("aten." is implied)."""

    def register(function: Rule) -> Rule:
        for name in names:
            full = name if "." in name else f"aten.{name}"
            if full in RULES:
                raise ValueError(f"{full}: a second rule was registered, by {function.__name__}")
            RULES[full] = function
            if creates:
                CREATIONS.add(full)
        return function

    return register


def understood(name: str) -> bool:
    """Whether a rule exists for an operator, in-place variants included."""
    return name in RULES
