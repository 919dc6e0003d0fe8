"""Trainings and recoveries of a tiny network, and what they leave."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch

import segprune
from segprune.records.training import TrainingRecord
from segprune.training.recipe import Recipe, read_recipe
from segprune.workflows.train.run import TrainingResult, run_recover
from training.test_resume import until
from training.tiny import (
    PRUNING,
    SMALL,
    camvid_net,
    weights,
    write_recipe,
)

DENSE = Path("runs", "dense", "dense.safetensors")
FROM_DENSE = f"network.init_from={DENSE.as_posix()}"


def made(text: str, *changes: str) -> Recipe:
    return read_recipe(write_recipe(Path.cwd(), text), changes)


def recovered(*changes: str, text: str = SMALL + PRUNING, **options: Any) -> TrainingResult:
    return run_recover(made(text, FROM_DENSE, *changes), **options)


def record_of(result: TrainingResult) -> TrainingRecord:
    assert result.record is not None
    return result.record


def artifact_of(run: str) -> str:
    return f"runs/{run}/{run}.safetensors"


def average_of(*artifacts: str) -> str:
    return f"network.average_of={json.dumps(artifacts)}"


def weights_in(result: TrainingResult) -> dict[str, torch.Tensor]:
    path = result.folder / f"{result.folder.name}.safetensors"  # a better stage may lie beside it
    return weights(segprune.load(path, camvid_net()))


def until_training(step: int) -> Any:
    def report(what: str, done: int, total: int) -> None:
        if what == "train":
            until(step)(what, done, total)

    return report
