"""The example repository does what its README says: green as it stands, red when it is broken."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.readme import ROOT

EXAMPLE = ROOT / "examples" / "gate-your-own-model"


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A copy of it, away from this project's own settings."""
    copy = tmp_path / "mine"
    shutil.copytree(EXAMPLE, copy, ignore=shutil.ignore_patterns("runs", "__pycache__", ".*cache"))
    return copy


def gates(repository: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run pytest there, as a user would."""
    hidden = ("PYTEST_", "SEGPRUNE_")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(hidden)}
    command = [sys.executable, "-m", "pytest", "-W", "error", *arguments]
    return subprocess.run(
        command, cwd=repository, env=environment, capture_output=True, text=True, check=False
    )


@pytest.mark.slow
def test_it_is_green_as_it_stands_and_red_with_the_dense_networks_file(repository: Path) -> None:
    green = gates(repository, "--segprune-strict", "--segprune-report", "gates")
    assert green.returncode == 0, green.stdout
    assert "3 passed" in green.stdout
    report = json.loads((repository / "gates" / "segprune.json").read_text())
    assert report["cases"]["half"]["verdict"] == "PASS"
    shutil.copy(repository / "dense.safetensors", repository / "half.safetensors")
    red = gates(repository)
    assert red.returncode == 1, red.stdout
    assert "3 passed" not in red.stdout


def test_its_workflow_asks_for_what_the_readme_says() -> None:
    workflow = (EXAMPLE / ".github" / "workflows" / "gates.yml").read_text()
    for command in ("pytest --segprune-strict", "pytest --benchmark-only", "requirements.txt"):
        assert command in workflow
