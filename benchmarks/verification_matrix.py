"""Prove both networks at four budgets, under every importance and scope; keep a record.

    python benchmarks/verification_matrix.py --data PATH

Each network is traced once, at 128×256, and every plan is verified on that size and others. With
`--data`, Taylor and activation importance look at frames of that folder, else at random images.
"""

from __future__ import annotations

import argparse
import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import torch

import segprune
from segprune.data import read_batches
from segprune.models import available
from segprune.records.environment import Environment, environment
from segprune.records.io import write_record

BUDGETS = (0.9, 0.7, 0.5, 0.3)
SCOPES = ("global", "local")
INPUT = (1, 3, 128, 256)
RECORD = Path(__file__).parent / "records" / "verification-matrix.json"


@dataclass(frozen=True)
class Cell:
    """One plan: shares kept of MACs and parameters, and what verification found."""

    network: str
    importance: str
    scope: str
    budget: float
    macs: float
    params: float
    plan: str
    violations: tuple[str, ...]


@dataclass(frozen=True)
class Matrix:
    """All plans of one run."""

    SCHEMA: ClassVar[str] = "segprune.verification-matrix/1"

    command: str
    seed: int
    input: tuple[int, ...]
    frames: int
    frames_digest: str | None
    environment: Environment
    cells: tuple[Cell, ...]


def prove(
    network: str, calibration: Sequence[Any], importances: Sequence[str], seed: int = 0
) -> Iterator[Cell]:
    """Plan, prune and verify one network in every way."""
    torch.manual_seed(seed)
    model = segprune.build(network, num_classes=11)
    graph = segprune.trace(model, torch.rand(INPUT))
    dense = segprune.cost(model, graph)
    for importance, scope, budget in itertools.product(importances, SCOPES, BUDGETS):
        plan = segprune.make_plan(
            model,
            graph,
            budget={"macs": budget},
            importance=importance,
            scope=scope,
            calibration=calibration,
            seed=seed,
        )
        small = segprune.prune(model, plan)
        pruned = segprune.cost(small, torch.rand(INPUT))
        yield Cell(
            network,
            importance,
            scope,
            budget,
            round(pruned.macs / dense.macs, 5),
            round(pruned.params / dense.params, 5),
            plan.digest,
            tuple(map(str, segprune.verify(model, small, plan, graph))),
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--data", type=Path, help="folder of images")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    calibration: tuple[Any, ...] = (torch.randn(4, *INPUT[1:]),)
    count, digest = 0, None
    if options.data:
        frames = read_batches(options.data, 2, (4, *INPUT[1:]), labels=False)
        calibration = frames.batches
        count, digest = frames.count, frames.digest
    cells = []
    for network in available():
        for cell in prove(network, calibration, segprune.importances(), options.seed):
            cells.append(cell)
            print(cell, flush=True)
    command = "python benchmarks/verification_matrix.py" + (" --data PATH" if options.data else "")
    matrix = Matrix(command, options.seed, INPUT, count, digest, environment(), tuple(cells))
    write_record(RECORD, matrix)
    faulty = [cell for cell in cells if cell.violations]
    print(f"{len(cells)} plans, {len(faulty)} with violations")
    raise SystemExit(bool(faulty))


if __name__ == "__main__":
    main()
