"""The recipe of docs/recover.md runs unchanged, on thirty images and two cores."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import segprune
from segprune.training.recipe import read_recipe
from segprune.workflows.train.run import run_recover, run_train

PAGE = Path(__file__).resolve().parents[2] / "docs" / "recover.md"
SIZE = (64, 128)
CLASSES = (
    "sky", "building", "pole", "road", "sidewalk", "tree", "sign", "fence", "car", "pedestrian",
    "bicyclist",
)  # fmt: skip

NETWORK = '''
import torch
from torch import nn
from torch.nn import functional as F


def block(channels, width, stride=1):
    convolution = nn.Conv2d(channels, width, 3, stride=stride, padding=1, bias=False)
    return nn.Sequential(convolution, nn.BatchNorm2d(width), nn.ReLU())


class Net(nn.Module):
    """An encoder, and a decoder with one skip connection."""

    def __init__(self, classes=11, width=16):
        super().__init__()
        self.fine = nn.Sequential(block(3, width, 2), block(width, 2 * width, 2))
        self.deep = nn.Sequential(block(2 * width, 4 * width, 2), block(4 * width, 4 * width))
        self.up, self.side = block(4 * width, 2 * width), block(2 * width, 2 * width)
        self.head = nn.Sequential(block(2 * width, 2 * width), nn.Conv2d(2 * width, classes, 1))

    def forward(self, images):
        fine = self.fine(images)
        up = F.interpolate(self.up(self.deep(fine)), size=fine.shape[-2:], mode="bilinear")
        logits = self.head(self.side(fine) + up)
        return F.interpolate(logits, size=images.shape[-2:], mode="bilinear")


def make_network():
    torch.manual_seed(0)
    return Net()
'''

DENSE = """
name = "dense"
[network]
model = "my_package.networks:make_network"
[data]
name = "folder"
root = "frames"
[training]
epochs = 60
optimizer = "adamw"
learning_rate = 3e-3
accelerator = "cpu"
"""


def shown() -> str:
    """Return the page's one block of TOML with a section `pruning`."""
    blocks = re.findall(r"```toml[^\n]*\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    (recipe,) = [block for block in blocks if "[pruning]" in block]
    return recipe


def write_frames(root: Path, split: str, count: int) -> None:
    """Write scenes of streets at a quarter of their size, in folders as docs/data.md describes."""
    scenes = segprune.open_dataset("streets", split=split, count=count)
    for index in range(count):
        sample = scenes[index]
        pixels = sample.image.as_subclass(torch.Tensor).permute(1, 2, 0).numpy()
        label = sample.label.as_subclass(torch.Tensor).numpy().astype(np.uint8)
        for kind, content, how in (
            ("images", pixels, Image.Resampling.BILINEAR),
            ("labels", label, Image.Resampling.NEAREST),
        ):
            path = root / split / kind / f"{index:03d}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(content).resize((SIZE[1], SIZE[0]), how).save(path)
    assert tuple(scenes.classes.names) == CLASSES


@pytest.mark.slow
def test_the_recipe_on_the_page_improves_a_network_of_thirty_images(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    package = tmp_path / "my_package"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "networks.py").write_text(NETWORK, encoding="utf-8")
    for name in ("my_package", "my_package.networks"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    write_frames(tmp_path / "frames", "train", 30)
    write_frames(tmp_path / "frames", "val", 30)
    names = ", ".join(f'"{name}"' for name in CLASSES)
    (tmp_path / "frames" / "classes.toml").write_text(f"names = [{names}]\n", encoding="utf-8")

    Path("dense.toml").write_text(DENSE, encoding="utf-8")
    dense = run_train(read_recipe(Path("dense.toml")))
    from my_package.networks import make_network  # type: ignore[import-not-found]

    model = segprune.load(dense.folder / "dense.safetensors", make_network())
    torch.save(model.state_dict(), "best.pt")

    Path("mine-half.toml").write_text(shown(), encoding="utf-8")
    said: list[str] = []
    recipe = read_recipe(Path("mine-half.toml"), ["training.accelerator=cpu"])
    result = run_recover(recipe, say=said.append)
    assert result.record is not None
    scores = {stage: round(100 * s.miou, 2) for stage, s in result.record.scores.items()}
    assert scores["result"] > max(scores["pruned"], scores["recalibrated"]), (scores, said)
    lost, left = scores["start"] - scores["pruned"], scores["start"] - scores["result"]
    assert left < 0.5 * lost, (scores, said)
    best = max(score for stage, score in scores.items() if stage not in ("start", "teacher"))
    assert (result.record.best is not None) == (best > scores["result"] + 0.05), (scores, said)
    assert result.record.macs <= 0.5 * result.record.dense_macs
