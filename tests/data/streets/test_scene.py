"""The embedded data set: the same bits everywhere, integers alone, a street in every picture."""

from __future__ import annotations

import ast
import hashlib
from pathlib import Path

import numpy as np
import pytest
import torch

import segprune.data.streets
from segprune.data.classes import CAMVID
from segprune.data.streets.picture import paint_scene

GOLDEN = {
    (1, 0, 128, 256): "e44578d2beba7548",
    (1, 1, 128, 256): "d984c6ffabff5591",
    (1, 499, 128, 256): "d542e45254e8b8da",
    (2, 0, 128, 256): "91e5ea1700400a0a",
    (2, 7, 128, 256): "381db1c314446010",
    (2, 199, 128, 256): "5ea0eea71c7ef8f0",
    (3, 0, 128, 256): "b12174ea06b28293",
    (3, 150, 128, 256): "5734018ba696d0a8",
    (2, 3, 96, 96): "0ec65440f793ba4d",
    (2, 5, 360, 480): "035d868380736f19",
}
"""(seed, index, height, width) -> the first 16 digits of SHA-256 over pixels and labels."""


def digest(seed: int, index: int, height: int, width: int) -> str:
    image, label = paint_scene(seed, index, height, width)
    return hashlib.sha256(image.tobytes() + label.tobytes()).hexdigest()[:16]


@pytest.mark.parametrize("scene", GOLDEN, ids=str)
def test_scenes_have_the_bits_they_always_had(scene: tuple[int, int, int, int]) -> None:
    assert digest(*scene) == GOLDEN[scene]


def test_the_painter_knows_integers_alone_and_no_library_but_numpy() -> None:
    """Rounding and other people's random numbers, fonts or filters differ between machines."""
    allowed = ("__future__", "collections.abc", "dataclasses", "functools", "typing", "numpy")
    for path in Path(segprune.data.streets.__file__).parent.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            where = f"{path.name}:{getattr(node, 'lineno', 0)}"
            assert not isinstance(node, ast.Div), where
            assert not (isinstance(node, ast.Constant) and isinstance(node.value, float)), where
            if isinstance(node, ast.ImportFrom | ast.Import) and path.name != "dataset.py":
                names = [node.module] if isinstance(node, ast.ImportFrom) else [
                    alias.name for alias in node.names
                ]  # fmt: skip
                for name in names:
                    assert str(name).startswith((*allowed, "segprune.data.streets")), where


def test_a_scene_depends_on_its_address_alone() -> None:
    first = digest(2, 4, 64, 128)
    np.random.seed(1)
    torch.manual_seed(1)
    for index in range(3):
        paint_scene(7, index, 40, 50)
    assert digest(2, 4, 64, 128) == first
    assert len({digest(seed, index, 64, 128) for seed in (1, 2, 3) for index in range(10)}) == 30


def test_every_class_is_there_and_none_is_everything() -> None:
    labels = np.stack([paint_scene(2, index, 128, 256)[1] for index in range(60)])
    assert labels.max() < len(CAMVID)
    shares = np.bincount(labels.ravel(), minlength=len(CAMVID)) / labels.size
    assert shares.min() > 0.001
    assert shares.max() < 0.45
    present = np.stack([np.bincount(label.ravel(), minlength=11) > 0 for label in labels])
    assert (present.mean(axis=0) > 0.4).all()  # each class in two scenes of five at least
    assert present[:, CAMVID.names.index("road")].all()


def test_a_label_is_what_is_seen_not_noise() -> None:
    """Regions hang together: hardly a pixel differs from all of its four neighbours."""
    label = np.stack([paint_scene(2, index, 128, 256)[1] for index in range(20)]).astype(int)
    inner = label[:, 1:-1, 1:-1]
    neighbours = (
        label[:, :-2, 1:-1], label[:, 2:, 1:-1], label[:, 1:-1, :-2], label[:, 1:-1, 2:]
    )  # fmt: skip
    alone = np.logical_and.reduce([inner != other for other in neighbours])
    assert alone.mean() < 0.002


def test_pictures_differ_in_light_and_hold_contrast() -> None:
    images = [paint_scene(2, index, 64, 128)[0].astype(float) for index in range(40)]
    means = [image.mean() for image in images]
    assert min(means) < 70
    assert max(means) > 125
    assert all(image.std() > 12 for image in images)


@pytest.mark.parametrize("size", [(32, 32), (33, 97), (200, 40), (360, 480)])
def test_any_size_can_be_painted(size: tuple[int, int]) -> None:
    image, label = paint_scene(9, 9, *size)
    assert image.shape == (*size, 3)
    assert label.shape == size
