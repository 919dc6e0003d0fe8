"""A tiny world for sweeps: networks, recipes, and an engine that runs jobs in this process."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Generator, Sequence
from pathlib import Path
from typing import Any

from segprune.records.sweep import CellRecord
from segprune.training.sweep_recipe import SweepRecipe, read_bases, read_sweep
from segprune.workflows.sweep.engine import Ended, Job, perform
from segprune.workflows.sweep.phases import SweepResult, run_sweep

NETWORKS = '''
import os, signal
import torch
from torch import nn


class Net(nn.Module):
    """11 classes; a residual."""

    def __init__(self):
        super().__init__()
        self.stem = nn.Sequential(
            nn.Conv2d(3, 16, 3, padding=1, bias=False), nn.BatchNorm2d(16), nn.ReLU()
        )
        self.wide = nn.Sequential(
            nn.Conv2d(16, 24, 3, padding=1, bias=False), nn.BatchNorm2d(24), nn.ReLU()
        )
        self.back = nn.Conv2d(24, 16, 1)
        self.head = nn.Conv2d(16, 11, 1)

    def forward(self, x):
        x = self.stem(x)
        return self.head(x + self.back(self.wide(x)))


class Deadly(Net):
    """Takes its process with it when its statistics are measured anew."""

    def forward(self, x):
        if self.stem[1].training and not self.training:
            os.kill(os.getpid(), signal.SIGKILL)
        return super().forward(x)
'''

BASE = """
name = "base"
[network]
model = "tiny_sweep_nets:{network}"
init_from = "{network}.safetensors"
poor_start = true  # its weights are random
[data]
name = "camvid"
root = "camvid"
[augmentation]
crop = [32, 64]
[training]
epochs = 1
batch_size = 4
warmup_epochs = 0.0
accelerator = "cpu"
[recalibration]
batches = 2
"""

SWEEP = """
name = "small"
seed = 3
budgets = [0.7, 0.5]
importances = ["magnitude_l1", "taylor"]
scopes = ["global", "local"]
round_to = 2 # so small a network cannot keep a budget to one per cent
calibration_batches = 2
[[networks]]
label = "net"
recipe = "base.toml"
"""
PLANS = [
    f"net-macs{budget}-{importance}-{scope}"
    for budget in (70, 50)
    for importance in ("magnitude_l1", "taylor")
    for scope in ("global", "local")
]


class Here:
    """An engine that runs jobs in this process, and can lose some of them."""

    def __init__(self, dead: Sequence[str] = (), interrupted_after: int | None = None) -> None:
        self.ran: list[str] = []
        self._dead, self._left = dead, interrupted_after

    def run(self, jobs: Sequence[Job]) -> Generator[Ended, None, None]:
        for job in jobs:
            json.dumps(job.arguments)  # another engine writes it to a file
            if self._left is not None and len(self.ran) == self._left:
                raise KeyboardInterrupt
            self.ran.append(job.name)
            yield Ended(job, "killed by SIGKILL" if job.name in self._dead else perform(job))


def recipes(folder: Path, *changes: str, text: str = SWEEP) -> tuple[SweepRecipe, Any]:
    path = folder / "sweep.toml"
    path.write_text(text, encoding="utf-8")
    sweep = read_sweep(path, changes)
    return sweep, read_bases(sweep)


def swept(
    folder: Path, out: Path, *changes: str, engine: Here | None = None, **options: Any
) -> tuple[SweepResult, list[str]]:
    """A sweep in this process, and the jobs that it ran."""
    engine = engine or Here()
    options.setdefault("only", "cells")
    sweep, bases = recipes(folder, *changes)
    return run_sweep(sweep, bases, engine, out=out, **options), engine.ran


def timeless(record: CellRecord) -> Any:
    """What of a record is the same each time."""
    outcome = record.outcome and dataclasses.replace(record.outcome, seconds=0.0)
    return dataclasses.replace(record, outcome=outcome)
