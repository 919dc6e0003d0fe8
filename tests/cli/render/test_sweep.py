"""The best cell of each network and budget is shown, every failure, and progress in tenths."""

from __future__ import annotations

from pathlib import Path

import pytest

from cli.render.conftest import Shown
from reporting.records import cell, small_sweep
from segprune.cli.render.sweep import Bars, show_sweep
from segprune.workflows.sweep.phases import SweepResult


def test_the_best_cell_of_each_kind_of_recovery_is_shown(shown: Shown) -> None:
    cells = tuple(small_sweep())
    lines = shown(show_sweep, SweepResult(Path("runs/s"), cells, {}))
    for recovery in {one.recovery for one in cells}:
        alike = [one for one in cells if one.recovery == recovery]
        best = max(alike, key=lambda one: one.outcome.score.miou if one.outcome else 0)
        (row,) = (line for line in lines if f" {recovery} " in line)
        assert best.importance in row
        assert best.outcome is not None
        assert f" {100 * best.outcome.score.miou:.1f} " in row


def test_failures_are_named_up_to_twelve_and_then_counted(shown: Shown) -> None:
    cells = tuple(cell(budget=0.02 * n, miou=None) for n in range(1, 16))
    lines = shown(show_sweep, SweepResult(Path("runs/s"), cells, {}))
    assert sum(line.startswith("failed") for line in lines) == 12
    assert "and 3 more; see their records" in lines
    assert "again --retry-failed runs failed cells once more" in lines


def test_a_log_gets_a_line_at_each_tenth_of_a_phase(capsys: pytest.CaptureFixture[str]) -> None:
    with Bars() as bars:
        for done in range(101):
            bars("cells", done, 100)
    lines = capsys.readouterr().err.splitlines()
    assert lines == [f"cells: {done} of 100" for done in range(0, 101, 10)]
