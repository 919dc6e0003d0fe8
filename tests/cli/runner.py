"""Tiny networks, and a way to run the command on them."""

from __future__ import annotations

import os
from pathlib import Path

from typer.testing import CliRunner, Result

from segprune.cli import app

NETWORKS = '''
import sys

import torch
from torch import nn


class Net(nn.Module):
    """4 classes; a residual, a depthwise convolution, and nothing that must stay."""

    def __init__(self):
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 16, 3, padding=1), nn.BatchNorm2d(16), nn.ReLU())
        self.depth = nn.Conv2d(16, 16, 3, padding=1, groups=16)
        self.wide = nn.Conv2d(16, 48, 3, padding=1)
        self.head = nn.Conv2d(48, 4, 1)

    def forward(self, x):
        x = self.stem(x)
        return self.head(torch.relu(self.wide(x + self.depth(x))))


class Literal(Net):
    def forward(self, x):
        x = self.stem(x)
        x = x.view(-1, 16, x.shape[2], x.shape[3])
        return self.head(torch.relu(self.wide(x + self.depth(x))))


class Space:
    Net = Net


def needs(width):
    return Net()


def number():
    return 3


def fails():
    raise OSError("no such disk\\nin two lines")


def shapes():
    return Net().to("meta")


def ends():
    sys.exit(0)


instance = Net()
'''
MODEL = "tiny_nets:Net"
SIZE = ("--input", "1x3x32x64")
QUICK = (*SIZE, "--no-speed")


def segprune_(*words: str, **variables: str) -> Result:
    """Run a command as if in a terminal of 100 columns."""
    return CliRunner().invoke(app, list(words), env={"COLUMNS": "100", **variables})


def done(*words: str) -> str:
    """What a command that must succeed prints, on one line per line that was meant."""
    result = segprune_(*words)
    assert result.exit_code == 0, result.output
    return " ".join(result.stdout.split())


def runs(folder: Path) -> list[str]:
    """Everything below runs/, hidden files too."""
    return sorted(os.listdir(folder / "runs")) if (folder / "runs").exists() else []
