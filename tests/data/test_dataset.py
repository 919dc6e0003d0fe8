"""Data sets on tiny trees: what comes out is what was written, mapped, in order, resized."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from torchvision import tv_tensors

import segprune
from data import trees
from segprune.data import open_dataset
from segprune.data.classes import ClassTable
from segprune.data.dataset import SegmentationDataset

TRAIN_IDS = {
    7: 0, 8: 1, 11: 2, 12: 3, 13: 4, 17: 5, 19: 6, 20: 7, 21: 8, 22: 9, 23: 10, 24: 11, 25: 12,
    26: 13, 27: 14, 28: 15, 31: 16, 32: 17, 33: 18,
}  # fmt: skip
"""Copied from the table of Cityscapes' own scripts."""


def check(dataset: SegmentationDataset, written: dict[str, tuple[np.ndarray, ...]]) -> None:
    """The data set gives out these images and labels, by name."""
    assert [dataset[index].name for index in range(len(dataset))] == sorted(written)
    for sample in (dataset[index] for index in range(len(dataset))):
        image, label = written[sample.name]
        assert isinstance(sample.image, tv_tensors.Image)
        assert isinstance(sample.label, tv_tensors.Mask)
        assert np.array_equal(sample.image.numpy(), image.transpose(2, 0, 1))
        assert np.array_equal(sample.label.numpy(), label)
        assert sample.label.dtype == sample.image.dtype


def mapped(
    written: dict[str, tuple[np.ndarray, ...]], table: dict[int, int]
) -> dict[str, tuple[np.ndarray, ...]]:
    """The labels changed value by value; what the table does not have is void."""
    change = np.vectorize(lambda value: table.get(int(value), trees.VOID))
    return {name: (image, change(label)) for name, (image, label) in written.items()}


def test_camvid_gives_out_what_was_written(tmp_path: Path) -> None:
    written = trees.camvid(tmp_path)
    dataset = open_dataset("camvid", tmp_path)
    check(dataset, written)
    assert dataset.sequences == ("0000XX", "0000XX", "0001XX", "0001XX")
    assert (dataset.name, dataset.split, len(dataset.classes)) == ("camvid", "val", 11)


def test_in_the_tutorials_layout_index_eleven_is_void(tmp_path: Path) -> None:
    written = trees.tutorial(tmp_path, "train")
    (tmp_path / "train.txt").write_text("a list that is not needed\n")
    dataset = open_dataset("camvid", tmp_path, split="train")
    check(dataset, mapped(written, {value: value for value in range(11)}))
    assert set(dataset.sequences) == {"0016E5"}


def test_cityscapes_maps_label_ids_to_train_ids_and_the_rest_to_void(tmp_path: Path) -> None:
    written = trees.cityscapes(tmp_path)
    dataset = open_dataset("cityscapes", str(tmp_path))
    check(dataset, mapped(written, TRAIN_IDS))
    assert dataset.sequences == ("bonn_000003", "ulm_000000", "ulm_000001", "ulm_000001")
    assert len(dataset.classes) == 19


def test_the_names_of_cityscapes_classes_belong_to_their_indices() -> None:
    from torchvision.datasets import Cityscapes

    from segprune.data.classes import CITYSCAPES

    official = {c.train_id: (c.name, c.color) for c in Cityscapes.classes if 0 <= c.train_id < 19}
    for index, own in enumerate(zip(CITYSCAPES.names, CITYSCAPES.colours, strict=True)):
        assert own == official[index]


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
