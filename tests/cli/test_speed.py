"""`segprune speed` hands its options on, and records what differs from the defaults."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from cli.runner import segprune_
from reporting import records
from segprune.workflows.jobs import SpeedJob
from segprune.workflows.speed import SpeedResult


@pytest.fixture
def jobs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[SpeedJob]:
    """Jobs that would be done; nothing is measured."""
    found: list[SpeedJob] = []

    def take(job: SpeedJob, _: Any) -> SpeedResult:
        found.append(job)
        return SpeedResult(tmp_path / "runs", records.speed())

    monkeypatch.setattr("segprune.workflows.speed.run_speed", take)
    monkeypatch.chdir(tmp_path)
    for name in ("dense", "small"):
        (tmp_path / f"{name}.safetensors").touch()
    return found


def test_options_become_the_fields_of_a_job_and_the_words_of_its_record(
    jobs: list[SpeedJob],
) -> None:
    files = (Path("dense.safetensors").resolve(), Path("small.safetensors"))
    words = ("--input", "64x128", "--memory-format", "channels_last", "--threads", "1")
    result = segprune_("speed", *map(str, files), *words)
    assert result.exit_code == 0, result.output
    command = (
        "segprune", "speed", "dense.safetensors", "small.safetensors", "--input", "64x128",
        "--memory-format", "channels_last",
    )  # fmt: skip
    size = (1, 3, 64, 128)
    assert jobs == [SpeedJob(*files, input=size, memory_format="channels_last", command=command)]


def test_fewer_pairs_than_an_interval_takes_are_refused(jobs: list[SpeedJob]) -> None:
    result = segprune_("speed", "dense.safetensors", "small.safetensors", "--pairs", "5")
    assert result.exit_code == 2
    assert jobs == []
