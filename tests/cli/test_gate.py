"""`segprune gate init` refuses files that are missing, and says what it wrote."""

from __future__ import annotations

from pathlib import Path

import pytest

from cli.runner import segprune_
from segprune.workflows.gate_init import GateFiles
from segprune.workflows.jobs import GateJob


@pytest.fixture
def jobs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[GateJob]:
    """Jobs that would be done; nothing is loaded or written."""
    found: list[GateJob] = []

    def take(job: GateJob) -> GateFiles:
        found.append(job)
        return GateFiles(job.out / "test_half.py", job.out / "policy.toml", Path("ci.yml"))

    monkeypatch.setattr("segprune.workflows.gate_init.run_gate_init", take)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "half.safetensors").touch()
    return found


def test_options_become_the_fields_of_a_job(jobs: list[GateJob]) -> None:
    words = ("--artifact", "half.safetensors", "--model", "my.nets:make", "--input", "16x32")
    result = segprune_("gate", "init", *words, "--data", "folder", "--out", "gates")
    assert result.exit_code == 0, result.output
    artifact, out = Path("half.safetensors"), Path("gates")
    assert jobs == [
        GateJob(artifact, model="my.nets:make", data="folder", input=(1, 3, 16, 32), out=out)
    ]
    assert "next: pytest gates --segprune-accept" in result.stdout


@pytest.mark.parametrize("option", ["--artifact", "--dense"])
def test_a_missing_file_is_named_before_anything_is_loaded(
    jobs: list[GateJob], option: str
) -> None:
    words = {"--artifact": "half.safetensors", "--dense": "half.safetensors"} | {option: "none.pt"}
    result = segprune_("gate", "init", *(word for pair in words.items() for word in pair))
    assert result.exit_code == 2
    assert result.stderr == "error: none.pt: expected a file, found none; check the path.\n"
    assert jobs == []
