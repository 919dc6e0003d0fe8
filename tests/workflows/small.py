"""A small network for whole jobs, and the arithmetic that they are compared with."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

import segprune
from segprune.core.planning.config import PruneConfig
from segprune.workflows.jobs import PruneJob

SIZE = (1, 3, 16, 32)
MODEL = "workflows.small:four"


class Small(nn.Module):
    """Three convolutions at full size; two of them may lose channels."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(3, 8, 3, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(8)
        self.second = nn.Conv2d(8, 12, 3, padding=1)
        self.head = nn.Conv2d(12, classes, 1)

    def forward(self, images: Tensor) -> Tensor:
        return self.head(torch.relu(self.second(torch.relu(self.norm(self.first(images))))))


def seeded(classes: int) -> Small:
    with torch.random.fork_rng():
        torch.manual_seed(classes)
        return Small(classes).eval()


def four() -> Small:
    return seeded(4)


def eleven() -> Small:
    return seeded(11)


def macs(first: int, second: int, classes: int = 4, pixels: int = 16 * 32) -> int:
    """Count multiplications by hand for the widths of both hidden layers."""
    return pixels * (3 * 9 * first + first * 9 * second + second * classes)


def job(out: Path, **other: Any) -> PruneJob:
    given: dict[str, Any] = {
        "input": SIZE, "config": PruneConfig(budget={"macs": 0.5}, min_channels=1),
        "speed": False, "out": out, "name": "half",
    }  # fmt: skip
    return PruneJob(MODEL, **{**given, **other})


def keep(path: Path, model: nn.Module, share: float = 0.5, **metadata: Any) -> Path:
    """Write the artefact of a network with that share of its channels."""
    plan = segprune.make_plan(model, torch.rand(SIZE), budget={"channels": share}, min_channels=1)
    return segprune.save(path, segprune.prune(model, plan), plan, metadata=metadata)
