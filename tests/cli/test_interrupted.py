"""A real SIGINT in the middle of a command: status 130, a true sentence, nothing half-written."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import segprune

SOURCE = str(Path(segprune.__file__).parent.parent)


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGINT to send")
def test_an_interrupted_evaluation_leaves_nothing_and_says_so(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "segprune", "eval", "bisenetv2", "--data", "streets"]
    process = subprocess.Popen(
        [*command, "--out", str(tmp_path / "runs")],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env={**os.environ, "PYTHONPATH": SOURCE},
    )  # fmt: skip
    assert process.stderr is not None
    process.stderr.readline()  # work has begun
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=120)
    assert process.returncode == 130
    assert "interrupted: nothing was written." in said
    assert not list(tmp_path.iterdir())
