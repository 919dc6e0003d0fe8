"""Networks' files and images for `segprune predict`."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import segprune
from workflows.predict.tiny import MEAN, NAMES, SIZE, STD, Tiny, eleven, keep


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Artefacts of networks that see something, and images to see, one of them with labels."""
    folder = tmp_path_factory.mktemp("place")
    torch.manual_seed(2)
    model = Tiny().eval()
    facts = {
        "preprocessing": {"size": list(SIZE), "mean": list(MEAN), "std": list(STD)},
        "input": [1, 3, *SIZE], "classes": list(NAMES), "data": "folder",
    }  # fmt: skip
    keep(folder / "dense.safetensors", model, 1.0, **facts)
    keep(folder / "small.safetensors", model, 0.5, **facts)
    keep(folder / "silent.safetensors", model, 0.5)
    seven = segprune.build("bisenetv2", num_classes=7, aux=False, width=0.25).eval()
    keep(folder / "seven.safetensors", seven, 1.0)
    keep(folder / "eleven.safetensors", eleven(), 0.5, input=[1, 3, *SIZE], data="camvid")
    keep(folder / "misnamed.safetensors", model, 0.5, **{**facts, "classes": ["a", "b"]})
    keep(folder / "others.safetensors", model, 0.5, **{**facts, "classes": list("abcd")})
    plan = segprune.read_header(folder / "dense.safetensors").plan
    torch.nn.init.constant_(model.head.bias, float("nan"))
    with pytest.MonkeyPatch.context() as earlier:  # versions that saved NaN
        earlier.setattr("segprune.artifacts.saving.not_finite", lambda tensors, model: "")
        segprune.save(folder / "broken.safetensors", model, plan)
    rng = np.random.default_rng(0)
    for number, (height, width) in enumerate(((32, 64), (32, 64), (40, 50))):
        for kind, shape, top in (
            ("images", (height, width, 3), 256),
            ("labels", (height, width), 4),
        ):
            pixels = rng.integers(0, top, shape, dtype=np.uint8)
            if kind == "labels":
                pixels[:5] = 255
            path = folder / "frames" / kind / "drive" / f"{number}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(pixels).save(path)
    return folder


@pytest.fixture
def inside(place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in a fresh folder; artefacts and images are reached by `place`."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", sys.path[:])
    return tmp_path
