"""A real SIGINT in the middle of a command: status 130, a true sentence, nothing half-written."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import segprune

SOURCE = str(Path(segprune.__file__).parent.parent)


NETWORK = """
import time
from pathlib import Path
from torch import nn

class Slow(nn.Sequential):
    def forward(self, images):
        Path("begun").touch()
        time.sleep(0.2)
        return super().forward(images)

def make():
    return Slow(nn.Conv2d(3, {classes}, 1))
"""


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGINT to send")
def test_an_interrupted_evaluation_leaves_nothing_and_says_so(tmp_path: Path) -> None:
    classes = len(segprune.open_dataset("streets").classes)
    (tmp_path / "slow.py").write_text(NETWORK.format(classes=classes))
    process = subprocess.Popen(
        [sys.executable, "-m", "segprune", "eval", "slow:make", "--data", "streets"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": SOURCE},
    )  # fmt: skip
    while not (tmp_path / "begun").exists():
        assert process.poll() is None, process.communicate()[1]
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=120)
    assert process.returncode == 130
    assert "interrupted: nothing was written." in said
    assert not (tmp_path / "runs").exists()
