"""Whatever is wrong with a data set is an error that names the file or the folder."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from data import trees
from segprune.data import open_dataset
from segprune.errors import InputError

WRITERS: dict[str, Callable[[Path], object]] = {
    "camvid": trees.camvid,
    "cityscapes": trees.cityscapes,
    "folder": lambda root: (trees.folder(root / "val"), trees.classes_file(root)),
}
NAMES = tuple(WRITERS)


@pytest.fixture(params=NAMES)
def name(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A data set that is fine, in a folder of its name."""
    WRITERS[request.param](tmp_path / request.param)
    return str(request.param)


def refused(folder: Path, name: str, *words: str, read: bool = False, **options: object) -> str:
    """The sentence of the error, which says these words; `read` if it comes with the reading."""

    def attempt() -> None:
        dataset = open_dataset(name, folder / name, **options)  # type: ignore[arg-type]
        if read:
            for index in range(len(dataset)):
                _ = dataset[index]

    with pytest.raises(InputError) as error:
        attempt()
    said = str(error.value)
    assert "expected" in said
    assert "found" in said
    for word in words:
        assert word in said, (word, said)
    return said


def some(folder: Path, name: str) -> tuple[Path, Path]:
    """An image and its label, neither the first nor the last."""
    if name == "cityscapes":
        city = folder / name / "leftImg8bit" / "val" / "ulm" / "ulm_000001_000019_leftImg8bit.png"
        label = folder / name / "gtFine" / "val" / "ulm" / "ulm_000001_000019_gtFine_labelIds.png"
        return city, label
    stem = "0001XX_000001.png" if name == "camvid" else "day/b.png"
    return tuple(folder / name / "val" / kind / stem for kind in ("images", "labels"))


# -- the folder ------------------------------------------------------------------------------------


def test_a_root_that_is_missing_is_named(name: str, tmp_path: Path) -> None:
    shutil.rmtree(tmp_path / name)
    refused(tmp_path, name, str(tmp_path / name), "found nothing")


def test_a_root_that_is_a_file_is_named(name: str, tmp_path: Path) -> None:
    shutil.rmtree(tmp_path / name)
    (tmp_path / name).write_text("no folder")
    refused(tmp_path, name, str(tmp_path / name), "found a file")


@pytest.mark.parametrize("name", NAMES)
def test_a_root_is_asked_for(name: str) -> None:
    whose = "your images and labels" if name == "folder" else name
    with pytest.raises(InputError, match=f"folder of {whose}.*--root"):
        open_dataset(name)


def test_another_layout_is_told_by_what_was_found_instead(name: str, tmp_path: Path) -> None:
    shutil.rmtree(tmp_path / name)
    (tmp_path / name / "photographs").mkdir(parents=True)
    trees.classes_file(tmp_path / name)
    refused(tmp_path, name, str(tmp_path / name), "photographs")


def test_a_folder_without_images_is_named(name: str, tmp_path: Path) -> None:
    for path in [*(tmp_path / name).rglob("*.png")]:
        path.unlink()
    refused(tmp_path, name, "leftImg8bit" if name == "cityscapes" else "images")


def test_a_split_that_is_not_there_is_named(name: str, tmp_path: Path) -> None:
    refused(tmp_path, name, "train", split="train")


@pytest.mark.parametrize("split", ["vall", "", "..", "val/images", "../x"])
def test_an_unknown_split_is_refused(name: str, tmp_path: Path, split: str) -> None:
    refused(tmp_path, name, split, split=split)


def test_images_of_one_split_are_not_passed_for_another(tmp_path: Path) -> None:
    trees.folder(tmp_path / "folder")
    trees.classes_file(tmp_path / "folder")
    assert len(open_dataset("folder", tmp_path / "folder", split="val")) == 4
    trees.folder(tmp_path / "folder" / "train")
    refused(tmp_path, "folder", "val/images", "train", split="val")


def test_a_split_does_not_lead_out_of_the_root(tmp_path: Path) -> None:
    trees.folder(tmp_path)
    trees.folder(tmp_path / "folder" / "train")
    trees.classes_file(tmp_path / "folder")
    refused(tmp_path, "folder", "'..'", split="..")


@pytest.mark.parametrize("kind", ["leftImg8bit", "gtFine"])
def test_half_of_cityscapes_is_not_enough(tmp_path: Path, kind: str) -> None:
    trees.cityscapes(tmp_path / "cityscapes")
    shutil.rmtree(tmp_path / "cityscapes" / kind)
    said = refused(tmp_path, "cityscapes", kind, "unpack")
    assert "download" not in said.lower()


def test_archives_beside_the_tree_are_left_packed(tmp_path: Path) -> None:
    root = tmp_path / "cityscapes"
    root.mkdir()
    for kind in ("leftImg8bit", "gtFine"):
        trees.cityscapes(tmp_path / "source")
        shutil.make_archive(str(root / f"{kind}_trainvaltest"), "zip", tmp_path / "source")
    refused(tmp_path, "cityscapes", "unpack")
    assert sorted(p.suffix for p in root.iterdir()) == [".zip", ".zip"]


def test_a_file_among_the_cities_is_named(tmp_path: Path) -> None:
    trees.cityscapes(tmp_path / "cityscapes")
    stray = tmp_path / "cityscapes" / "leftImg8bit" / "val" / "notes.txt"
    stray.write_text("not a city")
    refused(tmp_path, "cityscapes", str(stray))


@pytest.mark.parametrize(
    "stray", ["ulm.png", "ulm_000001_000019.png", "ulm_0_last_leftImg8bit.png", "Thumbs.db"]
)
def test_a_file_among_the_images_of_a_city_is_named(tmp_path: Path, stray: str) -> None:
    trees.cityscapes(tmp_path / "cityscapes")
    path = tmp_path / "cityscapes" / "leftImg8bit" / "val" / "ulm" / stray
    path.write_bytes(b"")
    refused(tmp_path, "cityscapes", str(path), "expected a name as")


# -- the files -------------------------------------------------------------------------------------


def test_a_missing_label_is_named_with_its_image(name: str, tmp_path: Path) -> None:
    image, label = some(tmp_path, name)
    label.unlink()
    refused(tmp_path, name, str(image), str(label))
    refused(tmp_path, name, str(image), str(label), read=True, check=False)


def test_a_label_of_another_size_is_named_with_both_sizes(name: str, tmp_path: Path) -> None:
    _, label = some(tmp_path, name)
    trees.write(label, trees.indices(0, [7], (20, 12)))
    refused(tmp_path, name, str(label), "12×20, found 20×12")
    refused(tmp_path, name, str(label), "12×20, found 20×12", read=True, check=False)


@pytest.mark.parametrize("kind", [0, 1])
@pytest.mark.parametrize("content", [b"", b"no image at all", b"\x89PNG\r\n\x1a\n"])
def test_what_is_no_image_is_named_before_anything_is_read(
    name: str, tmp_path: Path, kind: int, content: bytes
) -> None:
    path = some(tmp_path, name)[kind]
    path.write_bytes(content)
    refused(tmp_path, name, str(path), "repair or remove")


@pytest.mark.parametrize("kind", [0, 1])
def test_a_truncated_image_is_named_when_it_is_read(name: str, tmp_path: Path, kind: int) -> None:
    path = some(tmp_path, name)[kind]
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    refused(tmp_path, name, str(path), "repair or remove", read=True)


def test_labels_in_colour_are_refused(name: str, tmp_path: Path) -> None:
    _, label = some(tmp_path, name)
    trees.write(label, trees.pixels(0))
    refused(tmp_path, name, str(label), "mode RGB", "not colours", read=True)


@pytest.mark.parametrize("name", ["folder"], indirect=True)
def test_pixels_of_sixteen_bits_are_refused(name: str, tmp_path: Path) -> None:
    for path in some(tmp_path, name):
        Image.fromarray(np.full(trees.SIZE, 300, np.uint16)).save(path)
        refused(tmp_path, name, str(path), "I;16", read=True)
        trees.write(path, trees.pixels(0))


def test_labels_outside_the_table_are_named_by_their_values(name: str, tmp_path: Path) -> None:
    _, label = some(tmp_path, name)
    trees.write(label, trees.indices(0, [1, 2, 200, 254, 255]))
    limit = {"camvid": 11, "cityscapes": 34, "folder": 3}[name]
    said = refused(tmp_path, name, str(label), f"below {limit}", "200, 254", read=True)
    assert "255, " not in said


def test_the_tutorials_void_is_its_last_value(tmp_path: Path) -> None:
    trees.tutorial(tmp_path / "camvid")
    label = tmp_path / "camvid" / "valannot" / "0016E5_00001.png"
    trees.write(label, trees.indices(0, [11, 12]))
    refused(tmp_path, "camvid", str(label), "below 12", "found 12", read=True)


def test_a_link_to_an_image_that_was_not_fetched_is_named(name: str, tmp_path: Path) -> None:
    image, _ = some(tmp_path, name)
    image.unlink()
    image.symlink_to("../.git/annex/objects/aa")
    words = () if name == "cityscapes" else ("a link to ../.git/annex/objects/aa",)
    refused(tmp_path, name, str(image), *words)


def test_two_images_with_one_label_are_refused(tmp_path: Path) -> None:
    trees.folder(tmp_path / "folder")
    trees.classes_file(tmp_path / "folder")
    Image.fromarray(trees.pixels(0)).save(tmp_path / "folder" / "images" / "day" / "b.jpg")
    refused(tmp_path, "folder", "b.jpg", "b.png", "one image")


# -- the request -----------------------------------------------------------------------------------


def test_an_unknown_data_set_is_told_which_there_are() -> None:
    with pytest.raises(InputError, match="'kitti': expected one of streets, camvid, cityscapes"):
        open_dataset("kitti")


@pytest.mark.parametrize(
    "options", [{"size": (0, 10)}, {"size": (10,)}, {"count": 0}, {"count": -1}]
)
def test_numbers_below_one_are_refused(name: str, tmp_path: Path, options: dict) -> None:
    refused(tmp_path, name, next(iter(options)), **options)


def test_streets_have_no_root(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="made on the fly"):
        open_dataset("streets", tmp_path)


def test_splits_within_images_are_not_taken_for_one(tmp_path: Path) -> None:
    root = tmp_path / "folder"
    for split in ("train", "val"):
        trees.folder(root, (f"{split}/a", f"{split}/b"))
    trees.classes_file(root)
    refused(
        tmp_path, "folder", "val/images and val/labels", "images/train", "the split comes first"
    )
