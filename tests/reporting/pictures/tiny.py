"""A tiny network, and the command run on it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn
from typer.testing import CliRunner, Result

import segprune
from segprune.cli import app
from segprune.data.dataset import SegmentationDataset
from segprune.records.io import read_record
from segprune.records.prediction import PredictRecord

SIZE = (32, 64)
NAMES = ("road", "car", "sky", "tree")
MEAN, STD = (0.4, 0.5, 0.6), (0.2, 0.25, 0.3)


class Tiny(nn.Module):
    """Four classes at a quarter of the size."""

    def __init__(self, classes: int = 4) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 16, 3, 2, 1), nn.BatchNorm2d(16), nn.ReLU())
        self.wide = nn.Conv2d(16, 24, 3, 2, 1)
        self.head = nn.Conv2d(24, classes, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(torch.relu(self.wide(self.stem(x))))


def eleven() -> Tiny:
    return Tiny(11)


def read(folder: Path, split: str = "val") -> SegmentationDataset:
    """Images in CamVid's layout, resized for the networks here."""
    return segprune.open_dataset("camvid", folder, split=split, size=SIZE)


def keep(path: Path, model: nn.Module, share: float, **metadata: Any) -> Path:
    """An artefact of the network with that share of its channels."""
    plan = segprune.make_plan(model, torch.rand(1, 3, *SIZE), budget={"channels": share})
    return segprune.save(path, segprune.prune(model, plan), plan, metadata=metadata)


def predict(place: Path, file: str, source: str, *words: str, model: str = "Tiny") -> Result:
    """Run the command on files of `place`."""
    full = str(place / source) if (place / source).exists() else source
    given = ["predict", str(place / f"{file}.safetensors"), full, *words]
    return CliRunner().invoke(
        app, [*given, "--model", f"{__name__}:{model}"], env={"COLUMNS": "200"}
    )


def made(
    place: Path, file: str, source: str, *words: str, model: str = "Tiny"
) -> tuple[list[str], PredictRecord, str]:
    """Files and record of a run that must succeed, and what it said."""
    result = predict(place, file, source, "--name", "a", *words, model=model)
    assert result.exit_code == 0, result.output
    record = read_record(PredictRecord, Path("runs/a/record.json"))
    return sorted(os.listdir("runs/a")), record, result.stdout


def dense(place: Path) -> str:
    return str(place / "dense.safetensors")


def seen_by(model: nn.Module, path: Path) -> np.ndarray[Any, Any]:
    """Classes of an image that has the network's size, without any of the code under test."""
    pixels = np.asarray(Image.open(path)).astype(np.float32) / 255
    values = ((pixels - np.float32(MEAN)) / np.float32(STD)).transpose(2, 0, 1)
    with torch.no_grad():
        logits = model(torch.from_numpy(values)[None])
    large = nn.functional.interpolate(logits, SIZE, mode="bilinear", align_corners=False)
    return large[0].numpy().argmax(axis=0)
