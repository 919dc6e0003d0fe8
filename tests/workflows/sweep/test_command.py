"""segprune sweep: a dry run, and workers that are killed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from segprune.cli import app
from segprune.records.io import read_record
from segprune.records.sweep import CellRecord
from workflows.sweep.fake_sweep import PLANS, SWEEP, recipes


def command(*words: str) -> Any:
    return CliRunner().invoke(app, ["sweep", *words], env={"COLUMNS": "100"})


def test_a_dry_run_lists_all_cells_and_makes_nothing(here: Path, tmp_path: Path) -> None:
    recipes(here)
    result = command("sweep.toml", "--out", str(tmp_path), "--dry-run")
    assert result.exit_code == 0, result.output
    for plan in PLANS:
        assert f"{plan}-recalibrated" in result.stdout
    assert "16 cells: 16 to do" in result.stdout
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_a_killed_worker_costs_its_cells_alone(here: Path, tmp_path: Path) -> None:
    """The whole command, with real processes, which one network kills as it is recalibrated."""
    text = SWEEP.replace('"magnitude_l1", "taylor"', '"lamp"').replace("[0.7, 0.5]", "[0.5]")
    text += '[[networks]]\nlabel = "deadly"\nrecipe = "Deadly.toml"\n'
    (here / "sweep.toml").write_text(text, encoding="utf-8")
    result = command("sweep.toml", "--out", str(tmp_path), "--pairs", "6")
    assert result.exit_code == 0, result.output
    records = [read_record(CellRecord, p) for p in (tmp_path / "small" / "cells").iterdir()]
    assert len(records) == 8
    for record in records:
        dead = (record.network, record.recovery) == ("deadly", "recalibrated")
        assert (record.outcome is None) == dead
    failures = {record.failure for record in records if record.failure}
    assert all("killed by SIGKILL" in failure for failure in failures)
    assert "killed by SIGKILL" in " ".join(result.stdout.split())


def test_a_sweep_that_is_interrupted_before_its_folder_exists_wrote_nothing(
    here: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    recipes(here)
    monkeypatch.setattr("segprune.workflows.sweep.phases.run_sweep", interrupt)
    result = command("sweep.toml", "--out", str(tmp_path))
    assert result.exit_code == 130
    assert "interrupted: nothing was written." in result.stderr
    assert not list(tmp_path.iterdir())
