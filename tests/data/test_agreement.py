"""What shows only where two files are compared: palettes, sizes, names, and splits."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner, Result

from data import trees
from segprune.cli import app
from segprune.data import open_dataset, read_batches
from segprune.errors import InputError
from segprune.training.input_sections import DataSection
from segprune.workflows.train.images import open_images

BLACK, RED, GREEN = (0, 0, 0), (128, 0, 0), (0, 128, 0)
NAMES = '["ground", "car", "tree"]'
INPUT = (1, 3, *trees.SIZE)


def folder(root: Path, labels: list[np.ndarray], names: str = NAMES, split: str = "val") -> Path:
    """A data set with these labels; the images differ."""
    (root / "classes.toml").write_text(f"names = {names}\n")
    for number, label in enumerate(labels):
        image = trees.pixels(number + 100 * (split == "val"))
        trees.write(root / split / "images" / f"{number}.png", image)
        trees.write(root / split / "labels" / f"{number}.png", label)
    return root


def with_palette(path: Path, colours: list[tuple[int, int, int]]) -> None:
    """Give a label's values colours; the values stay."""
    label = Image.fromarray(np.asarray(Image.open(path)), "P")
    label.putpalette([part for colour in colours for part in colour])
    label.save(path)


def check(root: Path, *words: str) -> Result:
    return CliRunner().invoke(
        app, ["data", "check", "folder", "--root", str(root), *words], env={"COLUMNS": "900"}
    )


def labels(count: int = 2, values: tuple[int, ...] = (0, 1, 2)) -> list[np.ndarray]:
    return [trees.indices(seed, list(values)) for seed in range(count)]


def test_a_colour_with_two_indices_is_refused_and_both_files_are_named(tmp_path: Path) -> None:
    """As programs leave labels that choose the palette of each file anew."""
    folder(tmp_path, labels())
    with_palette(tmp_path / "val/labels/0.png", [BLACK, RED, GREEN])
    with_palette(tmp_path / "val/labels/1.png", [BLACK, GREEN, RED])
    for options in ({}, {"count": 1}):
        with pytest.raises(InputError, match=r"1\.png.*one index for each colour.*0\.png"):
            open_dataset("folder", tmp_path, **options)
    found = check(tmp_path)
    assert found.exit_code == 1
    assert "one index for each colour" in found.stdout


@pytest.mark.parametrize(
    "palette",
    [
        [BLACK, RED, GREEN],
        [BLACK, RED, GREEN, *[BLACK] * 253],
        [BLACK, RED, GREEN, (9, 9, 9)],
        [BLACK, RED, GREEN, RED],
    ],
    ids=["the same", "filled up", "longer", "with a colour again that no pixel has"],
)
def test_palettes_that_agree_are_read(tmp_path: Path, palette: list[tuple[int, int, int]]) -> None:
    wanted = labels()
    folder(tmp_path, wanted)
    with_palette(tmp_path / "val/labels/0.png", [BLACK, RED, GREEN])
    with_palette(tmp_path / "val/labels/1.png", palette)
    found = open_dataset("folder", tmp_path)
    assert np.array_equal(np.asarray(found[1].label), wanted[1])


def test_palettes_that_differ_in_colours_of_their_own_are_read(tmp_path: Path) -> None:
    """Two programs, each with colours of its own for the same indices."""
    folder(tmp_path, labels())
    with_palette(tmp_path / "val/labels/0.png", [(1, 2, 3), (4, 5, 6), (7, 8, 9)])
    with_palette(tmp_path / "val/labels/1.png", [BLACK, RED, GREEN])
    assert check(tmp_path, "--split", "val").exit_code == 0


def test_colours_of_the_class_table_at_other_indices_are_refused(tmp_path: Path) -> None:
    """The table says that class 1 is red; in the palette, red is index 2."""
    table = NAMES + "\ncolours = [[0, 0, 0], [128, 0, 0], [0, 128, 0]]"
    folder(tmp_path, labels(), table)
    for name in ("0.png", "1.png"):
        with_palette(tmp_path / "val/labels" / name, [BLACK, GREEN, RED])
    with pytest.raises(InputError, match=r"\(0, 128, 0\) at index 2, as in the class table"):
        open_dataset("folder", tmp_path)
    for name in ("0.png", "1.png"):
        with_palette(tmp_path / "val/labels" / name, [BLACK, RED, GREEN])
    assert len(open_dataset("folder", tmp_path)) == 2


@pytest.mark.parametrize("names", [NAMES, '["ground"]'])
def test_labels_of_void_alone_are_refused(tmp_path: Path, names: str) -> None:
    folder(tmp_path, labels(values=(255,)), names)
    with pytest.raises(InputError, match="found void alone in all 2 labels"):
        open_dataset("folder", tmp_path)
    with pytest.raises(InputError, match="found void alone in all 2 labels"):
        read_batches(tmp_path / "val", 2, INPUT, 3)


def test_labels_of_a_table_of_one_class_are_read(tmp_path: Path) -> None:
    folder(tmp_path, labels(values=(0, 255)), '["ground"]')
    assert len(open_dataset("folder", tmp_path)) == 2


def test_some_masks_of_0_and_255_among_labels_of_two_classes_are_noted(tmp_path: Path) -> None:
    """Their foreground is void, though the data set as a whole shows both classes."""
    drawn = [*labels(2, (0, 255)), *labels(1, (0, 1))]
    folder(tmp_path, drawn, '["ground", "car"]')
    assert "2 of 3 labels have 0 and 255 alone (0.png)" in check(tmp_path).stdout
    folder(tmp_path, labels(3, (0, 1, 255)), '["ground", "car"]')
    assert "0 and 255 alone" not in check(tmp_path).stdout


def test_frames_whose_labels_have_another_size_are_refused(tmp_path: Path) -> None:
    """Both are resized, so that nothing else would show it."""
    height, width = trees.SIZE
    turned = [trees.indices(seed, [0, 1, 2], (width, height)) for seed in range(2)]
    folder(tmp_path, turned)
    with pytest.raises(InputError, match=rf"expected the height×width.*found {width}×{height}"):
        read_batches(tmp_path / "val", 2, INPUT, 3)


def test_two_frames_with_one_label_are_refused(tmp_path: Path) -> None:
    folder(tmp_path, labels())
    trees.write(tmp_path / "val/images/0.jpg", trees.pixels(7))
    with pytest.raises(InputError, match=r"a label of its own.*0\.(png|jpg)"):
        read_batches(tmp_path / "val", 3, INPUT, 3)


@pytest.mark.parametrize("name", ["masks", "annotations"])
def test_labels_in_a_folder_of_another_name_are_not_taken_for_photographs(
    tmp_path: Path, name: str
) -> None:
    folder(tmp_path, labels())
    (tmp_path / "val/labels").rename(tmp_path / "val" / name)
    with pytest.raises(InputError, match=rf"{name}: expected photographs.*call their folder label"):
        read_batches(tmp_path / "val", 2, INPUT, 3)
    assert read_batches(tmp_path / "val/images", 2, INPUT, 3).count == 2


def test_other_photographs_beside_images_are_frames(tmp_path: Path) -> None:
    folder(tmp_path, labels())
    shutil.rmtree(tmp_path / "val/labels")
    trees.write(tmp_path / "val" / "more" / "z.png", trees.pixels(9))
    assert read_batches(tmp_path / "val", 3, INPUT, 3).count == 3


def test_images_of_both_splits_are_noted(tmp_path: Path) -> None:
    folder(tmp_path, labels(3), split="train")
    folder(tmp_path, labels(2))
    section = DataSection(name="folder", root=tmp_path)
    assert not any("for training" in line for line in open_images(section).lines)
    assert "images for training" not in check(tmp_path).stdout
    shutil.copy(tmp_path / "train/images/2.png", tmp_path / "val/images/1.png")
    said = "1 of 2 images for validation are images for training, too (1.png is 2.png)"
    assert any(said in line for line in open_images(section).lines)
    assert said in check(tmp_path).stdout
