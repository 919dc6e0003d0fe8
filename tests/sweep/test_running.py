"""Every cell is run once, whatever happens, and one that fails says why."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import pytest
import torch

import segprune
from segprune.core.planning.make_plan import make_plan
from segprune.errors import InputError
from segprune.records.sweep import RECOVERIES
from segprune.workflows.sweep.cells import expand
from segprune.workflows.sweep.running import SweepResult
from segprune.workflows.sweep.workspace import Workspace
from segprune.workflows.train.running import run_recover
from sweep.world import PLANS, Here, recipes, swept, timeless


def test_every_cell_has_a_record_and_cells_of_one_plan_share_its_work(
    unbroken: tuple[SweepResult, list[str]],
) -> None:
    result, ran = unbroken
    assert ran == ["net", *PLANS]
    assert [record.cell for record in result.cells] == [
        f"{plan}-{recovery}" for plan in PLANS for recovery in RECOVERIES[:2]
    ]
    files = {path.stem for path in (result.folder / "cells").iterdir()}
    assert files == {record.cell for record in result.cells}
    for one, other in zip(result.cells[::2], result.cells[1::2], strict=True):
        assert one.outcome is not None
        assert other.outcome is not None
        assert one.outcome.plan == other.outcome.plan
        assert one.outcome.widths == other.outcome.widths
        assert one.outcome.macs <= one.budget["macs"] * one.dense_macs
        assert (result.folder / "plans" / f"{one.outcome.plan}.json").exists()
        assert one.outcome.score != other.outcome.score  # statistics were measured anew


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


def test_remembered_scores_make_the_plan_that_fresh_ones_make(here: Path) -> None:
    _, bases = recipes(here)
    work = Workspace(bases["net"])
    given: dict[str, Any] = {"round_to": 2, "calibration": list(work.batches(2))}
    for name, budget in itertools.product(("taylor", "activation", "lamp"), (0.7, 0.4)):
        given["budget"] = {"macs": budget}
        wanted = make_plan(work.start.network, work.graph, importance=name, **given)
        found = make_plan(work.start.network, work.graph, importance=work.importance(name), **given)
        assert found == wanted
        assert found.notes == wanted.notes


def test_what_has_a_record_is_not_run_again(here: Path, tmp_path: Path) -> None:
    first, _ = swept(here, tmp_path)
    assert swept(here, tmp_path)[1] == []
    kept = tmp_path / "small" / "cells" / f"{PLANS[2]}-none.json"
    before = kept.stat()
    (kept.parent / f"{PLANS[2]}-recalibrated.json").unlink()
    again, ran = swept(here, tmp_path)
    assert ran == [PLANS[2]]
    assert kept.stat().st_mtime_ns == before.st_mtime_ns
    assert list(map(timeless, again.cells)) == list(map(timeless, first.cells))


@pytest.mark.slow
@pytest.mark.parametrize("after", [1, 4])
def test_an_interrupted_sweep_ends_as_an_unbroken_one(
    here: Path, tmp_path: Path, unbroken: tuple[SweepResult, list[str]], after: int
) -> None:
    with pytest.raises(KeyboardInterrupt):
        swept(here, tmp_path, engine=Here(interrupted_after=after))
    result, ran = swept(here, tmp_path)
    assert ran == unbroken[1][after:]
    assert list(map(timeless, result.cells)) == list(map(timeless, unbroken[0].cells))


def test_a_job_that_dies_is_recorded_passed_over_and_run_again_only_when_asked(
    here: Path, tmp_path: Path, unbroken: tuple[SweepResult, list[str]]
) -> None:
    result, ran = swept(here, tmp_path, engine=Here(dead=[PLANS[1]]))
    assert ran == ["net", *PLANS]
    failed = {record.cell: record.failure for record in result.cells if record.outcome is None}
    assert failed == {f"{PLANS[1]}-{name}": "killed by SIGKILL" for name in RECOVERIES[:2]}
    assert swept(here, tmp_path)[1] == []
    again, ran = swept(here, tmp_path, retry_failed=True)
    assert ran == [PLANS[1]]
    assert list(map(timeless, again.cells)) == list(map(timeless, unbroken[0].cells))


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


def test_a_budget_out_of_reach_fails_its_cells_alone(here: Path, tmp_path: Path) -> None:
    result, _ = swept(here, tmp_path, "budgets=[0.7, 0.001]")
    failed = {record.budget["macs"]: record.failure for record in result.cells if record.failure}
    assert list(failed) == [0.001]
    assert "budget" in str(failed[0.001])
    assert sum(record.outcome is not None for record in result.cells) == len(PLANS)


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


def test_a_dense_network_that_cannot_be_scored_ends_the_sweep(here: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="net: expected a score of the dense network"):
        swept(here, tmp_path, engine=Here(dead=["net"]))
