"""The tiny world on disk, and a whole sweep of it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import segprune
from segprune.core.planning.make_plan import make_plan
from segprune.workflows.sweep.phases import SweepResult
from workflows.sweep.fake_sweep import BASE, NETWORKS, swept


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with images, networks, their dense artefacts, and recipes."""
    folder = tmp_path_factory.mktemp("world")
    rng = np.random.default_rng(0)
    for split, count in (("train", 8), ("val", 3)):
        for kind in ("images", "labels"):
            (folder / "camvid" / split / kind).mkdir(parents=True)
        for number in range(count):
            label = np.repeat(rng.integers(0, 11, (4, 8), dtype=np.uint8), 8, 0).repeat(8, 1)
            noise = rng.integers(0, 40, (32, 64, 3))
            image = np.clip(label[..., None] * 20 + noise, 0, 255).astype(np.uint8)
            base = folder / "camvid" / split
            Image.fromarray(image).save(base / "images" / f"a_{number}.png")
            Image.fromarray(label).save(base / "labels" / f"a_{number}.png")
    (folder / "tiny_sweep_nets.py").write_text(NETWORKS, encoding="utf-8")
    path = sys.path[:]
    sys.path.insert(0, str(folder))
    for network in ("Net", "Deadly"):
        torch.manual_seed(1)
        model = getattr(__import__("tiny_sweep_nets"), network)().eval()
        plan = make_plan(model, torch.zeros(1, 3, 32, 64), budget={"channels": 1.0})
        segprune.save(folder / f"{network}.safetensors", model, plan)
        text = BASE.format(network=network)
        (folder / f"{network}.toml").write_text(text, encoding="utf-8")
    (folder / "base.toml").write_text(BASE.format(network="Net"), encoding="utf-8")
    yield folder
    sys.path[:] = path
    sys.modules.pop("tiny_sweep_nets", None)


@pytest.fixture
def here(world: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The world, as the current folder."""
    monkeypatch.chdir(world)
    return world


@pytest.fixture(scope="module")
def unbroken(
    world: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[SweepResult, list[str]]:
    """A whole sweep without training, and its jobs; not to be changed."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(world)
        return swept(world, tmp_path_factory.mktemp("unbroken"))
