"""A folder with tiny networks, images, and what one run of the command leaves."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from cli.runner import MODEL, NETWORKS, SIZE, done


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder to work in, with a module of networks; the process is left as it was."""
    folder = tmp_path_factory.mktemp("place")
    (folder / "tiny_nets.py").write_text(NETWORKS)
    (folder / "broken_nets.py").write_text("import no_such_package\n")
    before, path = Path.cwd(), sys.path[:]
    os.chdir(folder)
    yield folder
    os.chdir(before)
    sys.path[:] = path
    for name in ("tiny_nets", "broken_nets"):
        sys.modules.pop(name, None)


@pytest.fixture(scope="module")
def run(place: Path) -> Path:
    """The folder of a run with weights and measurement."""
    torch.manual_seed(1)
    module = __import__("tiny_nets") if str(place) in sys.path else _imported(place)
    network = module.Net()
    torch.save({"state_dict": {f"module.{k}": v for k, v in network.state_dict().items()}}, "w.pt")
    segprune_output = done(
        "prune", MODEL, *SIZE, "--weights", str(place / "w.pt"), "--name", "first", "--pairs", "6"
    )
    assert "proved" in segprune_output
    return place / "runs" / "first"


def _imported(place: Path) -> Any:
    sys.path.insert(0, str(place))
    return __import__("tiny_nets")


@pytest.fixture(scope="module")
def frames(place: Path) -> Path:
    """Images with labels of 4 classes, in the layout of data sets."""
    rng = np.random.default_rng(0)
    for number in range(5):
        for kind, mode, suffix in (("images", "RGB", "jpg"), ("labels", "L", "png")):
            shape = (20, 30, 3) if mode == "RGB" else (20, 30)
            pixels = rng.integers(0, 255 if mode == "RGB" else 4, shape, dtype=np.uint8)
            path = place / "frames" / kind / "drive" / f"{number}.{suffix}"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(pixels).save(path)
    return place / "frames"
