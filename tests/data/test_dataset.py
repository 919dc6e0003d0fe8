"""Data sets on tiny trees: what comes out is what was written, mapped, in order, resized."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import segprune
from data import trees
from segprune.data import open_dataset

"""Copied from the table of Cityscapes' own scripts."""


# -- size, count, cache, digest --------------------------------------------------------------------


@pytest.mark.parametrize("size", [(6, 10), (24, 40), (7, 33)])
def test_a_size_resizes_images_and_leaves_labels(tmp_path: Path, size: tuple[int, int]) -> None:
    written = trees.camvid(tmp_path)
    for sample in open_dataset("camvid", tmp_path, size=size):
        image, label = written[sample.name]
        wanted = Image.fromarray(image).resize((size[1], size[0]), Image.Resampling.BILINEAR)
        apart = sample.image.numpy().transpose(1, 2, 0).astype(int) - np.array(wanted)
        assert np.abs(apart).max() <= 1  # both round, at different places
        assert np.array_equal(sample.label.numpy(), label)


@pytest.mark.parametrize("count", [1, 2, 3, 7, 9, 10, 99])
def test_a_count_takes_images_that_are_evenly_spaced(tmp_path: Path, count: int) -> None:
    names = sorted(trees.tutorial(tmp_path, count=10))
    dataset = open_dataset("camvid", tmp_path, count=count)
    places = [names.index(sample.name) for sample in dataset]
    assert len(places) == len(dataset) == min(count, 10)
    assert places[0] == 0
    gaps = [after - before for before, after in zip(places, [*places[1:], 10], strict=True)]
    assert max(gaps) - min(gaps) <= 1


def test_indices_count_from_both_ends_and_end(tmp_path: Path) -> None:
    trees.camvid(tmp_path)
    dataset = open_dataset("camvid", tmp_path)
    assert dataset[-1].name == dataset[3].name
    for index in (4, -5):
        with pytest.raises(IndexError, match="of 4"):
            dataset[index]


def test_a_cache_reads_every_image_once(tmp_path: Path) -> None:
    trees.camvid(tmp_path)
    dataset = open_dataset("camvid", tmp_path, cache=True)
    before = [dataset[index] for index in range(-4, 0)]
    for path in tmp_path.rglob("*.png"):
        path.unlink()
    assert all(dataset[index] is sample for index, sample in enumerate(before))


def test_the_digest_is_that_of_names_pixels_and_indices(tmp_path: Path) -> None:
    written = trees.camvid(tmp_path)
    wanted = hashlib.sha256()
    for name in sorted(written):
        image, label = written[name]
        wanted.update(f"{name} (3, 12, 20)\n".encode() + image.transpose(2, 0, 1).tobytes())
        wanted.update(f"{name} (12, 20)\n".encode() + label.tobytes())
    for cache in (False, True):
        assert open_dataset("camvid", tmp_path, cache=cache).digest() == wanted.hexdigest()


@pytest.mark.parametrize("change", ["pixel", "index", "name", "size", "count"])
def test_the_digest_changes_with_everything_that_is_given_out(tmp_path: Path, change: str) -> None:
    written = trees.camvid(tmp_path)
    before = open_dataset("camvid", tmp_path).digest()
    name = "0001XX_000003"
    image, label = (tmp_path / "val" / kind / f"{name}.png" for kind in ("images", "labels"))
    if change == "pixel":
        written[name][0][5, 5, 1] ^= 1
        trees.write(image, written[name][0])
    elif change == "index":
        written[name][1][5, 5] = (written[name][1][5, 5] + 1) % 11
        trees.write(label, written[name][1])
    elif change == "name":
        for path in (image, label):
            path.rename(path.with_name("0001XX_000009.png"))
    size = (6, 10) if change == "size" else None
    count = 3 if change == "count" else None
    assert open_dataset("camvid", tmp_path, size=size, count=count).digest() != before


def test_data_sets_are_opened_from_the_top(tmp_path: Path) -> None:
    trees.camvid(tmp_path, "test")
    assert len(segprune.open_dataset("camvid", tmp_path, split="test")) == 4
