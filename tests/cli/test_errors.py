"""Interrupted and failed commands report what they wrote; wrong options fail before the work."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

import segprune
from cli.runner import MODEL, QUICK, SIZE, done, runs, segprune_

SOURCE = str(Path(segprune.__file__).parent.parent)


def interrupt(*_: Any, **__: Any) -> None:
    raise KeyboardInterrupt


@pytest.mark.usefixtures("place")
def test_an_interruption_before_anything_is_written_says_so(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("segprune.workflows.prune.save", interrupt)
    result = segprune_("prune", MODEL, *QUICK, "--name", "early")
    assert result.exit_code == 130
    assert "interrupted: nothing was written." in result.stderr


def test_an_interruption_after_results_were_written_names_them(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("segprune.cli.render.common.show_result", interrupt)
    result = segprune_("prune", MODEL, *QUICK, "--name", "late")
    assert result.exit_code == 130
    assert (place / "runs" / "late" / "late.safetensors").is_file()
    assert "nothing" not in result.stderr
    assert f"interrupted: written before that: {Path('runs', 'late')}." in result.stderr


def test_an_error_after_results_were_written_names_them(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any) -> None:
        raise ValueError("no such colour")

    monkeypatch.setattr("segprune.cli.render.common.show_result", fail)
    result = segprune_("prune", MODEL, *QUICK, "--name", "failed-late")
    assert result.exit_code == 70
    assert f"written before that: {Path('runs', 'failed-late')}." in result.stderr


def test_a_command_does_not_name_what_an_earlier_one_wrote(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done("prune", MODEL, *QUICK, "--name", "earlier")
    monkeypatch.setattr("segprune.workflows.prune.save", interrupt)
    assert "nothing was written" in segprune_("prune", MODEL, *QUICK).stderr


def test_a_request_to_end_that_python_dropped_is_noticed_by_the_next_step(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = runs(place)
    monkeypatch.setattr("segprune.cli.errors._ENDING", [True])
    result = segprune_("prune", MODEL, *QUICK)
    assert result.exit_code == 143
    assert "terminated: nothing was written." in result.stderr
    assert runs(place) == before


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGTERM to send")
def test_a_killed_command_says_that_nothing_was_written(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "segprune", "prune", "bisenetv2", "--pairs", "1000000"]
    process = subprocess.Popen(
        [*command, *SIZE, "--out", str(tmp_path / "runs")],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env={**os.environ, "PYTHONPATH": SOURCE},
    )  # fmt: skip
    assert process.stdout is not None
    process.stdout.readline()  # work has begun
    time.sleep(0.5)
    process.send_signal(signal.SIGTERM)
    _, said = process.communicate(timeout=120)
    assert process.returncode == 143
    assert "terminated: nothing was written." in said


def test_deploy_is_refused_before_the_work_where_a_network_cannot_have_it(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = runs(place)
    monkeypatch.setattr("segprune.workflows.prune.trace", interrupt)  # the work
    result = segprune_("prune", MODEL, *QUICK, "--deploy")
    assert result.exit_code == 2
    assert "--deploy" in result.stderr
    assert "Net" in result.stderr
    assert runs(place) == before


@pytest.mark.usefixtures("place")
def test_a_timing_that_ends_at_its_limit_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    import segprune.speed.comparison as comparison

    ticks = iter(range(0, 10_000, 100))
    real = comparison.measure
    monkeypatch.setattr(
        "segprune.workflows.prune.measure",
        lambda *args, **options: real(*args, **options, clock=lambda: float(next(ticks))),
    )
    said = done("prune", MODEL, *SIZE, "--name", "limited", "--pairs", "30", "--max-seconds", "5")
    assert "timing ended at its limit of 5 s (--max-seconds), before all 30 pairs" in said
    assert "6 pairs in turn" in said
    assert "timing ended" in done("inspect", "runs/limited/record.json")


@pytest.mark.usefixtures("place")
def test_a_budget_that_was_met_from_below_is_named() -> None:
    said = done("prune", MODEL, *QUICK, "--budget", "macs=0.5", "--round-to", "16")
    assert "50 % of the MACs were asked for" in said
    assert "the nearest share above is" in said
    assert "were asked for" not in done("prune", MODEL, *QUICK, "--budget", "macs=0.5")
