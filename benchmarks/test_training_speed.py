"""Steps/s of training through the real path, and its memory: `pytest --benchmark-only`.

A step is everything between two batches: reading and augmenting, forward, loss with auxiliary
heads, backward, optimiser and averaging. `extra_info` has the steps/s; no time is asserted, but
the memory is.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
from pathlib import Path

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from noise import Noise
from one_epoch import train

BATCH = 8
STEPS = 6
MOST = 4_000_000_000
"""Bytes that training may take at batch 8, everything included."""


@pytest.mark.parametrize("name", ["bisenetv2", "icnet"])
def test_training_step(benchmark: BenchmarkFixture, name: str, tmp_path: Path) -> None:
    benchmark.group = "training: one epoch of six steps, width 0.5, 128x256, batch 8"
    dataset = Noise(STEPS * BATCH, 128, 256)
    options = {"width": 0.5, "changes": (f"training.batch_size={BATCH}",)}
    steps = benchmark.pedantic(train, (name, dataset, tmp_path), options, rounds=1)
    assert len(steps) == STEPS - 1
    benchmark.extra_info["steps_per_s"] = 1 / statistics.median(steps)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
@pytest.mark.parametrize("name", ["bisenetv2", "icnet"])
def test_training_memory(benchmark: BenchmarkFixture, name: str) -> None:
    """At full width on images of CamVid's size; the time is that of the whole process."""
    benchmark.group = "training: two steps at full width, 360x480, batch 8, a process of its own"
    script = str(Path(__file__).with_name("training_memory.py"))
    command = [sys.executable, script, name, "1.0", "360", "480"]
    found = benchmark.pedantic(
        subprocess.run, (command,), {"check": True, "capture_output": True, "text": True}, rounds=1
    )
    peak = json.loads(found.stdout)["peak"]
    benchmark.extra_info["peak_bytes"] = peak
    assert peak <= MOST, f"{peak / 1e9:.2f} GB"
