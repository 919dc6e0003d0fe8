"""segprune speed prints a ratio with its interval, and keeps every pair."""

from __future__ import annotations

from pathlib import Path

from cli.runner import MODEL, SIZE, done, segprune_
from segprune.records.io import read_record
from segprune.workflows.speed import SpeedRecord


def test_both_networks_are_timed_and_every_pair_is_kept(run: Path) -> None:
    file = str(run / "first.safetensors")
    said = done(
        "speed", str(run.parents[1] / "w.pt"), file, "--model", MODEL, *SIZE, "--pairs", "6",
        "--name", "timed",
    )  # fmt: skip
    record = read_record(SpeedRecord, run.parent / "timed" / "speed.json")
    assert len(record.speed.samples) == record.speed.pairs == 6
    assert f"{record.speed.speedup:.2f} times" in said
    assert f"{record.speed.low:.2f} to {record.speed.high:.2f}" in " ".join(said.split())


def test_weights_alone_cannot_be_the_network_that_should_be_faster(run: Path) -> None:
    weights = str(run.parents[1] / "w.pt")
    result = segprune_("speed", weights, weights, "--model", MODEL, *SIZE, "--pairs", "6")
    assert result.exit_code == 2
    assert "error:" in result.output
