"""The best are trained, and each plan is measured once beside its dense network."""

from __future__ import annotations

from pathlib import Path

import pytest

from segprune.records.io import read_record
from segprune.records.sweep import RECOVERIES, CellRecord, SpeedRecord
from segprune.workflows.sweep.phases import list_cells
from workflows.sweep.fake_sweep import recipes, swept, timeless

TRAINED = ("budgets=[0.5]", f"recoveries={list(RECOVERIES)}", "best={count=1, budgets=[0.5]}")


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_the_best_are_trained_keep_their_artefacts_and_share_the_plan(
    here: Path, tmp_path: Path
) -> None:
    states = {listed.state for listed in list_cells(*recipes(here, *TRAINED), tmp_path)}
    assert states == {"to do", "open"}
    assert not list(tmp_path.iterdir())
    result, ran = swept(here, tmp_path, *TRAINED)
    records = {record.cell: record for record in result.cells}
    best = min(
        (r for r in result.cells if r.recovery == "recalibrated" and r.outcome),
        key=lambda r: (-r.outcome.score.miou, r.cell),  # type: ignore[union-attr]
    )
    name = best.cell.removesuffix("-recalibrated")
    trained = [f"{name}-fine-tuned", f"{name}-distilled"]
    assert ran[-2:] == trained
    assert [record.cell for record in result.cells if record.recovery in RECOVERIES[2:]] == trained
    assert best.outcome is not None
    for cell in trained:
        outcome = records[cell].outcome
        assert outcome is not None, records[cell].failure
        assert (outcome.plan, outcome.steps) == (best.outcome.plan, 2)
        assert outcome.widths == best.outcome.widths
        assert (result.folder / "runs" / cell / f"{cell}.safetensors").exists()
    listed = {row.cell.name: row.state for row in list_cells(*recipes(here, *TRAINED), tmp_path)}
    assert set(listed.values()) == {"done", "not chosen"}

    # Killed between the record of the training and that of the cell: nothing is trained again.
    kept = result.folder / "cells" / f"{trained[0]}.json"
    before = read_record(CellRecord, kept)
    kept.unlink()
    swept(here, tmp_path, *TRAINED)
    assert timeless(read_record(CellRecord, kept)) == timeless(before)


def test_each_plan_is_measured_once_beside_its_dense_network(here: Path, tmp_path: Path) -> None:
    few = ["budgets=[0.5]", 'importances=["random", "lamp"]']
    result, _ = swept(here, tmp_path, *few, only=None, pairs=6)
    plans = {record.outcome.plan for record in result.cells if record.outcome}
    assert set(result.speeds) == plans
    files = sorted((result.folder / "speed").iterdir())
    assert len(files) == len(plans)
    for path in files:
        record = read_record(SpeedRecord, path)
        assert (record.reference, record.input, record.speed.pairs) == (
            "net-dense", (1, 3, 32, 64), 6,
        )  # fmt: skip
        assert record.reference_artifact == result.cells[0].source
    files[0].unlink()
    again, ran = swept(here, tmp_path, *few, only="speed", pairs=7)
    assert ran == []
    pairs = {again.speeds[plan].speed.pairs for plan in plans}
    assert pairs == ({6, 7} if len(plans) > 1 else {7})
