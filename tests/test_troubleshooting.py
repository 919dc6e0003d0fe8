"""What goes wrong on a first day raises the messages that the troubleshooting page explains."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils import prune as masks

import segprune
from benchmarks.readme import DOCS

TITLES = re.findall(r"^### `(.+)`$", (DOCS / "troubleshooting.md").read_text("utf-8"), flags=re.M)
X = torch.rand(1, 3, 8, 8)
RUNS = itertools.count(1)


def network(width: int = 8) -> nn.Module:
    return nn.Sequential(nn.Conv2d(3, width, 3), nn.ReLU(), nn.Conv2d(width, 4, 1)).eval()


class Captured(nn.Module):
    """A network that calls its own layer through an iterator, which no copy can follow."""

    def __init__(self) -> None:
        super().__init__()
        self.body, self.head = nn.Conv2d(3, 8, 3), nn.Conv2d(8, 4, 1)
        self.steps = itertools.cycle([lambda x: self.head(x)])

    def forward(self, x: Tensor) -> Tensor:
        return next(self.steps)(self.body(x))


class Cached(nn.Module):
    """A network that keeps its scaled weights between runs."""

    def __init__(self) -> None:
        super().__init__()
        self.body, self.head = nn.Conv2d(3, 8, 3), nn.Conv2d(8, 4, 1)
        self.scaled: Tensor | None = None

    def forward(self, x: Tensor) -> Tensor:
        if self.scaled is None:
            self.scaled = self.head.weight * 2
        return functional.conv2d(self.body(x), self.scaled)


class Draws(nn.Module):
    """A network that takes another path each time."""

    def __init__(self) -> None:
        super().__init__()
        self.body = network()

    def forward(self, x: Tensor) -> Tensor:
        for _ in range(next(RUNS)):
            x = x + 1
        return self.body(x)


class Strange(nn.Module):
    """A network that returns an object of a class of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.body = network()

    def forward(self, x: Tensor) -> object:
        result = type("Result", (), {})()
        result.logits = self.body(x)
        return result


def masked() -> nn.Module:
    found = network()
    masks.l1_unstructured(found[0], "weight", 0.5)
    return found


def cached() -> nn.Module:
    found = Cached().eval()
    with torch.no_grad():
        found(X)
    return found


def weights(content: object) -> Callable[[Path], object]:
    def load(folder: Path) -> object:
        torch.save(content, folder / "weights.pt")
        return segprune.open_network(model=network(), weights=folder / "weights.pt")

    return load


def labels(pixels: np.ndarray) -> Callable[[Path], object]:
    def read(folder: Path) -> object:
        for kind, content in (("images", np.zeros((8, 8, 3), np.uint8)), ("labels", pixels)):
            (folder / "val" / kind).mkdir(parents=True)
            Image.fromarray(content).save(folder / "val" / kind / "a.png")
        (folder / "classes.toml").write_text('names = ["road", "car"]\n', "utf-8")
        return segprune.open_dataset("folder", folder, split="val")[0]

    return read


MISTAKES: dict[str, Callable[[Path], object]] = {
    "a module": lambda _: segprune.open_network(model="nowhere.nets:make"),
    "a torch.nn.Module": lambda _: segprune.trace(nn.Conv2d, X),
    "found a pickle": weights(network()),
    "pass weights of this very network": weights({"other.weight": torch.rand(3)}),
    "pass weights of the dense network": weights(network(16).state_dict()),
    "forward to run on": lambda _: segprune.trace(network(), torch.rand(1, 5, 8, 8)),
    "as its output": lambda _: segprune.trace(Strange().eval(), X),
    "those of the original": lambda _: segprune.trace(Captured().eval(), X),
    "an earlier run": lambda _: segprune.trace(cached(), X),
    "the same operators": lambda _: segprune.trace(Draws().eval(), X),
    "a mask": lambda _: segprune.trace(masked(), X),
    "can be reached": lambda _: segprune.make_plan(network(), X, budget={"macs": 0.001}),
    "something to remove": lambda _: segprune.make_plan(
        nn.Conv2d(3, 4, 1).eval(), X, budget={"channels": 0.5}
    ),
    "batches of images": lambda _: segprune.make_plan(network(), X, importance="taylor"),
    "it was made for": lambda _: segprune.prune(network(16), segprune.make_plan(network(), X)),
    "8-bit class indices": labels(np.zeros((8, 8, 3), np.uint8)),
    "class indices below": labels(np.full((8, 8), 50, np.uint8)),
}
"""A part of each title, and a mistake that raises its message."""


@pytest.mark.parametrize("part", MISTAKES)
def test_a_mistake_raises_the_message_that_the_page_explains(part: str, tmp_path: Path) -> None:
    (title,) = (title for title in TITLES if part in title)
    pieces = [re.escape(piece.strip()) for piece in title.split("…")]
    with pytest.raises(segprune.SegpruneError, match=r"[\s\S]*?".join(pieces)):
        MISTAKES[part](tmp_path)
