"""Every cell is run once, whatever happens, and one that fails says why."""

from __future__ import annotations

from pathlib import Path

import pytest

from segprune.errors import InputError
from segprune.records.sweep import RECOVERIES
from segprune.workflows.sweep.phases import SweepResult
from workflows.sweep.fake_sweep import PLANS, Here, swept, timeless


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


def test_a_budget_out_of_reach_fails_its_cells_alone(here: Path, tmp_path: Path) -> None:
    result, _ = swept(here, tmp_path, "budgets=[0.7, 0.001]")
    failed = {record.budget["macs"]: record.failure for record in result.cells if record.failure}
    assert list(failed) == [0.001]
    assert "budget" in str(failed[0.001])
    assert sum(record.outcome is not None for record in result.cells) == len(PLANS)


def test_a_dense_network_that_cannot_be_scored_ends_the_sweep(here: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="net: expected a score of the dense network"):
        swept(here, tmp_path, engine=Here(dead=["net"]))
