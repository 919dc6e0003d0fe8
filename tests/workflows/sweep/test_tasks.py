"""The jobs of a sweep: what they write, and why they fail."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

import segprune
from segprune.records.sweep import RECOVERIES
from segprune.workflows.sweep.cells import expand
from segprune.workflows.sweep.phases import SweepResult
from segprune.workflows.train.run import run_recover
from workflows.sweep.fake_sweep import PLANS, recipes, swept


def test_records_name_no_folder(unbroken: tuple[SweepResult, list[str]]) -> None:
    result, _ = unbroken
    for path in (result.folder / "cells").iterdir():
        text = path.read_text("utf-8")
        assert str(result.folder) not in text
        assert 'root = "' not in text


@pytest.mark.parametrize("plan", [PLANS[0], PLANS[-1]])
def test_a_recovery_of_the_cells_recipe_comes_to_the_same_numbers(
    here: Path, tmp_path: Path, unbroken: tuple[SweepResult, list[str]], plan: str
) -> None:
    """`segprune recover` shares neither the remembered scores nor the kept batches."""
    records = {record.cell: record for record in unbroken[0].cells}
    recipe = {c.name: c.recipe for c in expand(*recipes(here))}[f"{plan}-recalibrated"]
    again = run_recover(recipe, out=tmp_path).record
    assert again is not None
    none, recalibrated = (records[f"{plan}-{name}"] for name in RECOVERIES[:2])
    assert none.outcome is not None
    assert recalibrated.outcome is not None
    assert again.plan == none.outcome.plan
    assert (again.params, again.macs) == (none.outcome.params, none.outcome.macs)
    assert again.scores["start"] == none.dense_score
    assert again.scores["pruned"] == none.outcome.score
    assert again.scores["recalibrated"] == recalibrated.outcome.score


def test_a_cell_that_fails_says_why_and_the_one_before_it_is_kept(
    here: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*args: Any, **kwargs: Any) -> None:
        raise OSError("no room\nin /some/where/file.bin")

    monkeypatch.setattr("segprune.workflows.sweep.tasks.recalibrate", broken)
    result, _ = swept(here, tmp_path)
    failed = [record for record in result.cells if record.outcome is None]
    assert {record.recovery for record in failed} == {"recalibrated"}
    assert {record.failure for record in failed} == {"OSError: no room in file.bin"}
    assert len(failed) == len(PLANS)


def test_a_pruned_network_that_is_not_proved_is_a_failure(
    here: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def spoiled(model: torch.nn.Module, plan: Any) -> torch.nn.Module:
        small = segprune.prune(model, plan)
        with torch.no_grad():
            next(small.parameters()).mul_(2)
        return small

    monkeypatch.setattr("segprune.workflows.sweep.tasks.prune", spoiled)
    result, _ = swept(here, tmp_path)
    assert {record.outcome for record in result.cells} == {None}
    assert all("is not what its plan makes" in str(record.failure) for record in result.cells)
    assert not list((tmp_path / "small" / "plans").iterdir())
