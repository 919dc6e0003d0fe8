"""Frames, as `segprune prune --frames` reads them, against Pillow and numpy by hand."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from data import trees
from segprune.data import find_frames, read_batches
from segprune.errors import InputError

INPUT = (2, 3, 7, 10)


def by_hand(image: np.ndarray) -> np.ndarray:
    small = np.array(Image.fromarray(image).resize((10, 7), Image.Resampling.BILINEAR))
    mean, std = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])
    return ((small / 255 - mean) / std).transpose(2, 0, 1)


def test_batches_hold_evenly_spaced_frames_resized_and_normalised(tmp_path: Path) -> None:
    written = trees.folder(tmp_path, tuple("abcdefghij"))
    frames = read_batches(tmp_path, 2, INPUT, num_classes=3)
    names = "acfh"  # of ten: 0, 2.5, 5 and 7.5
    assert (frames.count, frames.labelled, len(frames.batches)) == (4, True, 2)
    images, labels = (torch.cat([batch[part] for batch in frames.batches]) for part in (0, 1))
    digest = hashlib.sha256()
    for name, image, label in zip(names, images, labels, strict=True):
        assert np.allclose(image, by_hand(written[name][0]), atol=1e-5)
        small = Image.fromarray(written[name][1]).resize((10, 7), Image.Resampling.NEAREST)
        assert np.array_equal(label, np.array(small))
        digest.update((tmp_path / "images" / f"{name}.png").read_bytes())
        digest.update((tmp_path / "labels" / f"{name}.png").read_bytes())
    assert frames.digest == digest.hexdigest()
    assert torch.equal(frames.images, frames.batches[0][0])


def test_labels_stay_on_disk_where_nothing_needs_them(tmp_path: Path) -> None:
    trees.folder(tmp_path)
    (tmp_path / "labels" / "day" / "b.png").unlink()
    frames = read_batches(tmp_path, 9, INPUT, labels=False)
    assert (frames.count, frames.labelled) == (4, False)
    assert frames.images.shape == INPUT
    with pytest.raises(InputError, match=r"images/day/b\.png: expected its label .*labels/day"):
        find_frames(tmp_path)


def test_images_below_a_folder_are_found_and_labels_are_not_images(tmp_path: Path) -> None:
    trees.folder(tmp_path / "deep" / "down")
    trees.write(tmp_path / "labels" / "alone.png", trees.pixels(0))
    found = [(frame.image.name, frame.label is not None) for frame in find_frames(tmp_path)]
    assert sorted(found) == [
        ("a.png", True), ("alone.png", False), ("b.png", True), ("c.png", True), ("d.png", True),
    ]  # fmt: skip
