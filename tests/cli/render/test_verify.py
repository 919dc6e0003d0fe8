"""Violations are shown by kind, each with its place."""

from __future__ import annotations

from cli.render.conftest import Shown
from segprune.cli.render.verify import show_violations
from segprune.core.verification.violations import KINDS, Violation


def test_each_violation_is_shown_once_below_its_kind(shown: Shown) -> None:
    one, other = list(KINDS)[:2]
    found = [
        Violation(one, "stem", "first"), Violation(other, "head", "second"),
        Violation(one, "neck", "third"),
    ]  # fmt: skip
    lines = shown(show_violations, found, "Nothing was written.")
    assert lines[0] == "wrong 3 violations. Nothing was written."
    starts = [lines.index(" ".join(f"{kind}: {KINDS[kind]}".split())) for kind in (one, other)]
    assert lines.index("stem: first") < lines.index("neck: third") < starts[1]
    assert starts[1] < lines.index("head: second")
    assert len(lines) == 6
