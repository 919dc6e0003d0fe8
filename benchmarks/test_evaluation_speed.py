"""Images/s of evaluation, beside torchmetrics and plain numpy: `pytest --benchmark-only`.

`extra_info` has the images/s; nothing here asserts a time.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from pytest_benchmark.fixture import BenchmarkFixture
from torch import Tensor

import segprune
from noise import CLASSES, Noise

HEIGHT, WIDTH = 360, 480
VOID = 255


@pytest.fixture(scope="module")
def pixels() -> tuple[Tensor, Tensor]:
    """Prediction int64 and target uint8 of one image, `(1, H, W)`; one pixel in five is wrong."""
    target = Noise(1, HEIGHT, WIDTH)[0].label.as_subclass(Tensor)[None]
    draw = torch.Generator().manual_seed(1)
    other = torch.randint(CLASSES, target.shape, generator=draw)
    right = torch.rand(target.shape, generator=draw) < 0.8
    return torch.where(right & (target != VOID), target.long(), other), target


def per_second(benchmark: BenchmarkFixture, images: int) -> None:
    if benchmark.stats is not None:
        benchmark.extra_info["images_per_s"] = images / benchmark.stats.stats.median


# ---------------------------------------------------------------- counting one image


def ours() -> Callable[[Tensor, Tensor], Any]:
    return segprune.ConfusionMatrix(CLASSES).update


def torchmetrics() -> Callable[[Tensor, Tensor], Any]:
    from torchmetrics.classification import MulticlassConfusionMatrix

    matrix = MulticlassConfusionMatrix(CLASSES, ignore_index=VOID)
    return lambda prediction, target: matrix.update(prediction, target.long())


def bincount() -> Callable[[Tensor, Tensor], Any]:
    """The usual four lines, which trust that predictions are classes."""
    counts = np.zeros((CLASSES, CLASSES), dtype=np.int64)

    def update(prediction: Tensor, target: Tensor) -> None:
        guessed, wanted = prediction.numpy(), target.numpy()
        kept = wanted != VOID
        pairs = CLASSES * wanted[kept].astype(np.int64) + guessed[kept]
        counts[:] += np.bincount(pairs, minlength=CLASSES**2).reshape(CLASSES, CLASSES)

    return update


@pytest.mark.parametrize("counter", [ours, torchmetrics, bincount], ids=lambda make: make.__name__)
def test_confusion_matrix(
    benchmark: BenchmarkFixture, pixels: tuple[Tensor, Tensor], counter: Callable[[], Any]
) -> None:
    benchmark.group = f"confusion matrix: one image of {HEIGHT}x{WIDTH}, {CLASSES} classes"
    # Rounds are many, and a matrix keeps what it counted: each gets one of its own.
    benchmark.pedantic(
        lambda update: update(*pixels), setup=lambda: ((counter(),), {}), rounds=30, warmup_rounds=3
    )
    per_second(benchmark, 1)


# ---------------------------------------------------------------- a whole data set


@pytest.mark.parametrize("name", ["bisenetv2", "icnet"])
def test_evaluate(benchmark: BenchmarkFixture, name: str) -> None:
    benchmark.group = "evaluate: four images of 128x256, width 0.5"
    model, dataset = segprune.build(name, num_classes=CLASSES, width=0.5), Noise(4, 128, 256)
    benchmark(segprune.evaluate, model, dataset)
    per_second(benchmark, len(dataset))
