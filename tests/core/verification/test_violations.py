"""Each kind of violation that verification can report is described, and no other one is."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from segprune.core import verification
from segprune.core.verification.violations import KINDS, Violation

SOURCES = sorted(Path(next(iter(verification.__path__))).glob("*.py"))


def reported(source: Path) -> Iterator[str]:
    """The first argument of every `Violation(…)` in the code."""
    for node in ast.walk(ast.parse(source.read_text("utf-8"))):
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Violation":
            first = node.args[0]
            assert isinstance(first, ast.Constant), ast.unparse(node)
            yield first.value


def test_the_kinds_that_are_reported_are_those_that_are_described() -> None:
    assert {kind for source in SOURCES for kind in reported(source)} == set(KINDS)


def test_a_violation_reads_as_kind_place_and_message() -> None:
    assert str(Violation("shape", "a.weight", "expected (4,)")) == "shape: a.weight: expected (4,)"
