"""`segprune predict` hands its options on, and refuses two kinds of moving pictures."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from cli.runner import segprune_
from segprune.workflows.jobs import PredictJob


@pytest.fixture
def jobs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[PredictJob]:
    """Jobs that would be done; nothing is loaded or drawn."""
    found: list[PredictJob] = []

    def take(job: PredictJob, *_: Any) -> None:
        found.append(job)

    monkeypatch.setattr("segprune.workflows.predict.run.run_predict", take)
    monkeypatch.setattr("segprune.cli.render.predict.show_prediction", lambda result: None)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "drives").mkdir()
    (tmp_path / "small.safetensors").touch()
    return found


def test_options_become_the_fields_of_a_job(jobs: list[PredictJob]) -> None:
    words = ("--overlay", "--no-labels", "--gif", "--rate", "4", "--alpha", "0.5")
    result = segprune_("predict", "small.safetensors", str(Path("drives").resolve()), *words)
    assert result.exit_code == 0, result.output
    (job,) = jobs
    assert (job.panel, job.labels, job.moving, job.rate, job.alpha) == (False, False, "gif", 4, 0.5)
    assert job.stills is None
    assert job.command == (
        "segprune", "predict", "small.safetensors", "drives", "--alpha", "0.5", "--gif", "--rate",
        "4.0", "--no-labels", "--overlay",
    )  # fmt: skip


def test_a_gif_and_a_video_at_once_are_refused(jobs: list[PredictJob]) -> None:
    result = segprune_("predict", "small.safetensors", "streets", "--gif", "--video")
    assert result.exit_code == 2
    assert "--gif: expected one kind of moving picture, found --video too" in result.stderr
    assert jobs == []
