"""Tiny images, networks and recipes for trainings that take a second."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn
from torchvision import tv_tensors

from segprune.data.classes import ClassTable
from segprune.data.dataset import Sample, SegmentationDataset
from segprune.training.recipe import Recipe, parse_recipe

SIZE = (64, 128)
CLASSES = ClassTable(("ground", "thing", "sky"), ((1, 2, 3), (200, 30, 40), (90, 90, 250)))


def scene(seed: int, classes: int, size: tuple[int, int] = SIZE) -> tuple[np.ndarray, np.ndarray]:
    """Stripes of one class and colour each, below some void: `(H, W, 3)` and `(H, W)`."""
    draw = np.random.default_rng(seed)
    columns = np.repeat(draw.integers(0, classes, 8), size[1] // 8)
    label = np.tile(columns, (size[0], 1)).astype(np.uint8)
    image = label[..., None] * np.array([20, 9, 13]) + draw.integers(0, 20, (*size, 3))
    label[:2] = 255
    return image.astype(np.uint8), label


class Scenes(SegmentationDataset):
    """Such images in memory."""

    def __init__(self, count: int = 8, split: str = "train", size: tuple[int, int] = SIZE) -> None:
        super().__init__("scenes", split, CLASSES, ("one",) * count)
        self._shape = size

    def _read(self, index: int) -> Sample:
        image, label = scene(index, len(CLASSES), self._shape)
        pixels = torch.from_numpy(image).permute(2, 0, 1).contiguous()
        return Sample(
            tv_tensors.Image(pixels), tv_tensors.Mask(torch.from_numpy(label)), f"scene {index}"
        )


class Net(nn.Module):
    """Two convolutions, with all that makes trainings hard to repeat: BatchNorm and dropout."""

    def __init__(self, classes: int = 3) -> None:
        super().__init__()
        self.first = nn.Conv2d(3, 16, 3, stride=2, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(16)
        self.drop = nn.Dropout(0.3)
        self.last = nn.Conv2d(16, classes, 1)
        self.register_buffer("table", torch.arange(3, 9))

    def forward(self, images: Tensor) -> Tensor:
        return self.last(self.drop(torch.relu(self.norm(self.first(images)))))


def net(seed: int = 0, classes: int = 3) -> Net:
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return Net(classes)


def camvid_net() -> Net:
    """For recipes: `training.tiny:camvid_net`."""
    return net(classes=11)


def recipe(**changes: Any) -> Recipe:
    """A recipe of two epochs on `Scenes`; `training__epochs=3` changes one value."""
    content: dict[str, Any] = {
        "name": "tiny",
        "network": {"model": "tiny:net"},
        "data": {"name": "folder"},
        "augmentation": {"scale": [0.8, 1.25]},
        "training": {
            "epochs": 2, "batch_size": 2, "learning_rate": 0.02, "ema_decay": 0.8,
            "warmup_epochs": 0.5, "accelerator": "cpu",
        },
    }  # fmt: skip
    for field, value in changes.items():
        section, _, name = field.rpartition("__")
        (content.setdefault(section, {}) if section else content)[name] = value
    return parse_recipe(content, "test")


RECIPE = """
name = "tiny"
[network]
model = "bisenetv2"
options = { width = 0.25 }
poor_start = true  # a few steps teach little, and here that is no mistake
[data]
name = "camvid"
root = "images"
[augmentation]
scale = [0.8, 1.25]
[training]
epochs = 3
batch_size = 4
learning_rate = 0.02
ema_decay = 0.8
accelerator = "cpu"
[recalibration]
batches = 2
"""
"""Of two steps an epoch on what `write_images` writes."""

SMALL = RECIPE.replace('"bisenetv2"', '"training.tiny:camvid_net"').replace(
    "options = { width = 0.25 }\n", ""
)
"""The same with a network that is traced and proved in no time, and that has dropout."""

PRUNING = """
[pruning]
budget = { macs = 0.625 }
importance = "taylor"
batches = 2
"""


def write_images(root: Path, training: int = 8, validation: int = 2) -> None:
    """CamVid's layout, in the folder that `RECIPE` names."""
    for split, count in (("train", training), ("val", validation)):
        for number in range(count):
            name = f"0001TP_{number:06d}.png"
            for kind, content in zip(("images", "labels"), scene(number, 11), strict=True):
                path = root / "images" / split / kind / name
                path.parent.mkdir(parents=True, exist_ok=True)
                Image.fromarray(content).save(path)


def write_recipe(root: Path, text: str = RECIPE, name: str = "recipe.toml") -> Path:
    path = root / name
    path.write_text(text, encoding="utf-8")
    return path


def weights(model: nn.Module) -> dict[str, Tensor]:
    return {name: value.clone() for name, value in model.state_dict().items()}


def same(left: dict[str, Tensor], right: dict[str, Tensor]) -> list[str]:
    """Names of tensors that differ in a bit; none where all are the same."""
    assert left.keys() == right.keys()
    return [name for name in left if not torch.equal(left[name], right[name])]
