"""Each kind of violation that verification can report is described, and no other one is."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from segprune.core import verification
from segprune.core.verification.violations import KINDS, Violation, mismatch

FOLDER = Path(next(iter(verification.__path__)))
SOURCES = [path for path in sorted(FOLDER.glob("*.py")) if path.stem != "violations"]


def reported(source: Path) -> Iterator[str]:
    """The first argument of every call that makes a violation."""
    for node in ast.walk(ast.parse(source.read_text("utf-8"))):
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") in ("Violation", "mismatch"):
            first = node.args[0]
            assert isinstance(first, ast.Constant), ast.unparse(node)
            yield first.value


def test_the_kinds_that_are_reported_are_those_that_are_described() -> None:
    assert {kind for source in SOURCES for kind in reported(source)} == set(KINDS)


def test_a_violation_reads_as_kind_place_and_message() -> None:
    assert str(Violation("shape", "a.weight", "expected (4,)")) == "shape: a.weight: expected (4,)"


def test_a_mismatch_without_a_place_is_of_the_network() -> None:
    found = mismatch("shape", "", (4,), (8,))
    assert found == Violation("shape", "the network", "expected (4,), found (8,)")
