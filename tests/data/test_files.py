"""Pairs of image and label files, found by their names, and what both splits may not share."""

from __future__ import annotations

from pathlib import Path

import pytest

from data import trees
from segprune.data.files import check_split, folders_in, pairs_in, shared_images
from segprune.data.opening import open_dataset
from segprune.errors import InputError


def test_each_image_is_paired_with_the_label_at_its_own_path(tmp_path: Path) -> None:
    written = trees.folder(tmp_path)
    images, labels = tmp_path / "images", tmp_path / "labels"
    pairs = pairs_in(images, labels, lambda path: path.parent.name, recursive=True)
    assert {pair.name for pair in pairs} == set(written)
    for pair in pairs:
        assert pair.image == images / f"{pair.name}.png"
        assert pair.label == labels / f"{pair.name}.png"
        assert pair.sequence == Path(pair.name).parent.name


def test_a_label_without_an_image_is_found(tmp_path: Path) -> None:
    trees.folder(tmp_path)
    trees.classes_file(tmp_path)
    extra = tmp_path / "labels" / "day" / "z.png"
    trees.write(extra, trees.indices(0, [0, 1]))
    dataset = open_dataset("folder", tmp_path)
    assert dataset.unpaired_labels() == [extra]


def test_files_of_both_splits_are_said(tmp_path: Path) -> None:
    for split in ("train", "val"):
        trees.folder(tmp_path / split)
    trees.classes_file(tmp_path)
    training, validation = (open_dataset("folder", tmp_path, split=s) for s in ("train", "val"))
    assert shared_images(training, training)
    streets = open_dataset("streets", count=1)
    assert shared_images(streets, validation) == ()


def test_a_split_is_one_of_the_known_ones() -> None:
    check_split("val", ("train", "val"))
    with pytest.raises(InputError, match="expected one of train, val, found 'x'"):
        check_split("x", ("train", "val"))


def test_folders_are_listed_by_name(tmp_path: Path) -> None:
    assert folders_in(tmp_path) == "no folder"
    for name in ("b", "a"):
        (tmp_path / name).mkdir()
    (tmp_path / "c").touch()
    assert folders_in(tmp_path) == "a, b"
