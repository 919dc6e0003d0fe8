"""One epoch of training through the real path, with the time of every step."""

from __future__ import annotations

import itertools
import time
from collections.abc import Sequence
from pathlib import Path

import segprune
from noise import CLASSES, Noise
from segprune.training.fitting import fit
from segprune.training.recipe import read_recipe

RECIPES = Path(__file__).with_name("recipes")


def train(
    name: str, dataset: Noise, folder: Path, *, width: float, changes: Sequence[str] = ()
) -> list[float]:
    """Train for one epoch as the committed recipe for `streets` does: seconds between its steps.

    The first step, which allocates, has no time of its own. Averages work as there, but forget
    within a few steps: training refuses those that would still hold its random weights.

    Args:
        dataset: in place of `streets`.
        changes: of the recipe, as `--set` takes them.
    """
    height, columns = dataset[0].image.shape[-2:]
    short = [
        "training.epochs=1", "training.evaluate_every=0", "training.ema_decay=0.5",
        "data.workers=0", f"augmentation.crop=[{height}, {columns}]",
    ]  # fmt: skip
    recipe = read_recipe(RECIPES / f"{name}-streets-dense.toml", [*short, *changes])
    network = segprune.build(name, num_classes=CLASSES, width=width)
    moments: list[float] = []

    def tell(step: str, done: int, total: int) -> None:
        moments.append(time.perf_counter())

    fit(network, recipe, dataset, folder, report=tell)
    return [after - before for before, after in itertools.pairwise(moments)]
