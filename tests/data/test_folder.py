"""A folder of one's own: searched, with a table of its classes, in any usual format."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from data import trees
from data.reading_back import check
from segprune.data import open_dataset
from segprune.data.classes import ClassTable


@pytest.mark.parametrize("inside", ["", "train"])
def test_a_folder_of_ones_own_is_searched_and_its_folders_are_sequences(
    tmp_path: Path, inside: str
) -> None:
    written = trees.folder(tmp_path / inside)
    trees.classes_file(tmp_path)
    dataset = open_dataset("folder", tmp_path, split="train")
    check(dataset, written)
    assert dataset.sequences == (".", "day", "day", "night")
    assert dataset.classes.names == ("road", "car", "tree")


def test_a_class_table_can_be_given_in_place_of_the_file(tmp_path: Path) -> None:
    check_names = ClassTable(("one", "two", "three"), ((1, 2, 3), (4, 5, 6), (7, 8, 9)))
    written = trees.folder(tmp_path)
    check(open_dataset("folder", tmp_path, classes=check_names), written)
    trees.classes_file(tmp_path, "this is no table")
    assert open_dataset("folder", tmp_path, classes=check_names).classes == check_names


def test_images_may_be_jpeg_grey_or_with_palette_and_labels_with_palette(tmp_path: Path) -> None:
    trees.classes_file(tmp_path)
    label = trees.indices(0, [0, 1, 2, 255])
    grey = trees.pixels(0)[..., 0]
    for name, image in (("a.jpg", Image.fromarray(trees.pixels(1))), ("b.PNG", None)):
        path = tmp_path / "images" / name
        path.parent.mkdir(exist_ok=True)
        (image or Image.fromarray(grey)).save(path)
        with_palette = Image.fromarray(label)
        with_palette.putpalette(bytes(range(256)) * 3)
        trees.write((tmp_path / "labels" / name).with_suffix(".png"), label)
        with_palette.save((tmp_path / "labels" / name).with_suffix(".png"))
    dataset = open_dataset("folder", tmp_path)
    assert [np.array_equal(dataset[index].label, label) for index in (0, 1)] == [True, True]
    assert np.array_equal(dataset[1].image.numpy(), np.stack([grey] * 3))
