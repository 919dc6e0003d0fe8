"""Scenes/s of the painter, and views/s of augmentation: `pytest --benchmark-only`.

`extra_info` has the images/s; nothing here asserts a time.
"""

from __future__ import annotations

import itertools

from pytest_benchmark.fixture import BenchmarkFixture

from segprune.data.augmentation import Augmentation, augment
from segprune.data.opening import open_dataset
from segprune.data.streets.picture import paint_scene


def per_second(benchmark: BenchmarkFixture, images: int) -> None:
    if benchmark.stats is not None:
        benchmark.extra_info["images_per_s"] = images / benchmark.stats.stats.median


def test_scenes_are_painted(benchmark: BenchmarkFixture) -> None:
    def paint() -> None:
        for index in range(50):
            paint_scene(1, index, 128, 256)

    benchmark(paint)
    per_second(benchmark, 50)


def test_views_are_augmented(benchmark: BenchmarkFixture) -> None:
    scene = open_dataset("streets", split="train", count=1)[0]
    views = Augmentation(crop=(128, 256), scale=(0.75, 1.5), rare=0.2)
    epochs = itertools.count()
    benchmark(lambda: augment(scene, views, 0, next(epochs), 0))
    per_second(benchmark, 1)
