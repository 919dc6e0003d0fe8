"""Image and label files of every kind are read as they are stored, or refused by name."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from data import png, trees
from segprune.cli import app
from segprune.data import open_dataset, read_batches
from segprune.errors import InputError

SIZE = (12, 20)
NAMES = [f"class {index}" for index in range(200)]


def folder(root: Path, classes: int = 200) -> Path:
    """Write one photograph; the test writes its label."""
    (root / "classes.toml").write_text(f"names = {NAMES[:classes]}")
    trees.write(root / "images" / "a.png", trees.pixels(0))
    return root / "labels" / "a.png"


def label(root: Path) -> np.ndarray:
    return np.asarray(open_dataset("folder", root)[0].label)


def refused(root: Path, *words: str) -> str:
    with pytest.raises(InputError) as error:
        label(root)
    said = str(error.value)
    for word in words:
        assert word in said, (word, said)
    return said


@pytest.mark.parametrize("kind", [png.GREY, png.PALETTE])
@pytest.mark.parametrize("depth", [1, 2, 4, 8])
def test_labels_of_any_depth_are_the_values_that_are_stored(
    tmp_path: Path, depth: int, kind: int
) -> None:
    values = trees.indices(3, [*range(min(2**depth, 200))])
    colours = [(9 * i % 256, 50, 7 * i % 251) for i in range(min(2**depth, 256))]
    png.write(
        folder(tmp_path), values, depth, kind, palette=colours if kind == png.PALETTE else None
    )
    assert np.array_equal(label(tmp_path), values)
    frames = read_batches(tmp_path, 1, (1, 3, *SIZE), 200)
    assert np.array_equal(frames.batches[0][1][0], values)


def test_transparency_and_gamma_of_a_label_change_no_value(tmp_path: Path) -> None:
    values = trees.indices(0, [0, 1, 2, 3])
    chunks = ((b"gAMA", b"\0\0\x40\0"), (b"tRNS", b"\0\2"))
    png.write(folder(tmp_path), values, 4, before=chunks)
    assert np.array_equal(label(tmp_path), values)


def test_a_palette_of_greys_that_are_classes_themselves_is_refused(tmp_path: Path) -> None:
    """Programs that shrink PNGs write such palettes: value 3 is stored as the index 1."""
    values = trees.indices(0, [0, 1, 2])
    greys = [(0, 0, 0), (3, 3, 3), (7, 7, 7)]
    path = folder(tmp_path, classes=8)
    png.write(path, values, 8, png.PALETTE, palette=greys)
    refused(tmp_path, str(path), "index 1", "grey 3")
    png.write(path, values, 8, png.PALETTE, palette=[(0, 0, 0), (85, 85, 85), (170, 170, 170)])
    assert np.array_equal(label(tmp_path), values)  # greys that are no classes
    png.write(path, values % 2, 8, png.PALETTE, palette=[(0, 0, 0), (255, 255, 255)])
    assert np.array_equal(label(tmp_path), values % 2)  # black and white


@pytest.mark.parametrize(
    ("depth", "kind", "words"),
    [
        (16, png.GREY, ("I;16",)),
        (8, png.RGB, ("mode RGB", "not colours", "multilabel")),
        (16, png.RGB, ("mode RGB",)),
        (8, png.RGBA, ("mode RGBA",)),
        (8, png.GREY_ALPHA, ("mode LA",)),
    ],
)
def test_labels_that_are_no_indices_of_eight_bits_are_refused_by_their_kind(
    tmp_path: Path, depth: int, kind: int, words: tuple[str, ...]
) -> None:
    channels = {png.GREY: 1, png.RGB: 3, png.RGBA: 4, png.GREY_ALPHA: 2}[kind]
    values = np.repeat(trees.indices(0, [0, 1, 2])[..., None], channels, axis=2)
    png.write(folder(tmp_path), values, depth, kind)
    refused(tmp_path, "a.png", *words)


def test_a_label_that_was_compressed_with_losses_is_refused(tmp_path: Path) -> None:
    path = folder(tmp_path)
    path.parent.mkdir()
    Image.fromarray(trees.indices(0, [0, 1, 2])).save(path, format="JPEG")
    refused(tmp_path, str(path), "JPEG", "store labels as PNG")


def test_suffixes_in_capitals_are_found(tmp_path: Path) -> None:
    path = folder(tmp_path)
    (tmp_path / "images" / "a.png").rename(tmp_path / "images" / "a.PNG")
    values = trees.indices(0, [0, 1, 2])
    png.write(path.with_suffix(".PNG"), values)
    assert np.array_equal(label(tmp_path), values)
    assert read_batches(tmp_path, 1, (1, 3, *SIZE), 200).labelled
    png.write(path, values)
    refused(tmp_path, "a.png", "a.PNG", "one label of that name")


def test_names_that_differ_in_case_alone_have_labels_of_their_own(tmp_path: Path) -> None:
    path = folder(tmp_path)
    trees.write(tmp_path / "images" / "A.PNG.png", trees.pixels(1))
    (tmp_path / "images" / "A.PNG.png").rename(tmp_path / "images" / "A.PNG")
    values = [trees.indices(seed, [0, 1, 2]) for seed in (0, 1)]
    png.write(path.with_name("A.PNG"), values[0])
    png.write(path, values[1])
    dataset = open_dataset("folder", tmp_path)
    assert [pair.image.name for pair in dataset.pairs] == ["A.PNG", "a.png"]
    for index in (0, 1):
        assert np.array_equal(dataset[index].label, values[index])


def test_a_label_of_another_suffix_is_named(tmp_path: Path) -> None:
    path = folder(tmp_path)
    path.parent.mkdir()
    Image.fromarray(trees.indices(0, [0, 1])).save(path.with_suffix(".bmp"))
    refused(tmp_path, "found none but a.bmp", "labels are .png")


def test_pictures_that_are_not_read_are_said(tmp_path: Path) -> None:
    png.write(folder(tmp_path), trees.indices(0, [0, 1, 2]))
    assert open_dataset("folder", tmp_path).notes == ()
    for name in ("b.webp", "c.TIFF"):
        (tmp_path / "images" / name).touch()
    (tmp_path / "images" / "notes.txt").touch()
    (note,) = open_dataset("folder", tmp_path).notes
    assert "2 of the kind .tiff, .webp (b.webp, c.TIFF)" in note
    assert read_batches(tmp_path, 1, (1, 3, *SIZE)).notes == (
        note.replace("left out of images", f"left out of {tmp_path.name}").replace(
            "(b.webp, c.TIFF)", "(images/b.webp, images/c.TIFF)"
        ),
    )
    said = CliRunner().invoke(
        app, ["data", "check", "folder", "--root", str(tmp_path)], env={"COLUMNS": "500"}
    )
    assert "b.webp, c.TIFF" in said.stdout


UPRIGHT = {
    1: lambda a: a, 2: lambda a: a[:, ::-1], 3: lambda a: a[::-1, ::-1], 4: lambda a: a[::-1],
    5: lambda a: a.swapaxes(0, 1), 6: lambda a: np.rot90(a, -1),
    7: lambda a: np.rot90(a, 2).swapaxes(0, 1), 8: lambda a: np.rot90(a),
}  # fmt: skip
"""How a viewer shows the stored pixels, taken from the text of the standard."""


@pytest.mark.parametrize("where", ["before", "after"])
@pytest.mark.parametrize("value", UPRIGHT)
def test_photographs_are_read_upright(tmp_path: Path, value: int, where: str) -> None:
    stored = trees.pixels(1, SIZE)
    upright = UPRIGHT[value](stored)
    path = folder(tmp_path)
    exif = ((b"eXIf", png.orientation(value)),)
    png.write(tmp_path / "images" / "a.png", stored, 8, png.RGB, **{where: exif})
    png.write(path, trees.indices(0, [0, 1, 2], upright.shape[:2]))
    dataset = open_dataset("folder", tmp_path)
    assert np.array_equal(np.asarray(dataset[0].image).transpose(1, 2, 0), upright)
    if where == "before":
        assert any("turned upright: 1 image" in note for note in dataset.notes) is (value != 1)


def test_a_label_drawn_on_a_photograph_that_lies_on_its_side_is_refused_with_the_reason(
    tmp_path: Path,
) -> None:
    path = folder(tmp_path)
    photograph = Image.fromarray(trees.pixels(1, SIZE))
    exif = Image.Exif()
    exif[0x0112] = 6
    (tmp_path / "images" / "a.png").unlink()
    photograph.save(tmp_path / "images" / "a.jpg", exif=exif)
    png.write(path, trees.indices(0, [0, 1, 2], SIZE))
    refused(tmp_path, str(path), "20×12, found 12×20", "EXIF orientation 6")


def test_several_frames_in_one_file_are_refused(tmp_path: Path) -> None:
    png.write(folder(tmp_path), trees.indices(0, [0, 1, 2]))
    frames = [Image.fromarray(trees.pixels(seed)) for seed in range(3)]
    path = tmp_path / "images" / "a.png"
    frames[0].save(path, save_all=True, append_images=frames[1:])
    refused(tmp_path, str(path), "3 frames")


@pytest.mark.parametrize("kind", ["grey", "alpha", "palette with transparency", "cmyk"])
def test_photographs_of_other_kinds_are_their_red_green_and_blue(tmp_path: Path, kind: str) -> None:
    png.write(folder(tmp_path), trees.indices(0, [0, 1, 2]))
    path = tmp_path / "images" / "a.png"
    pixels = trees.pixels(1)
    if kind == "grey":
        pixels = np.repeat(pixels[..., :1], 3, axis=2)
        png.write(path, pixels[..., 0])
    elif kind == "alpha":
        png.write(path, np.concatenate([pixels, pixels[..., :1]], axis=2), 8, png.RGBA)
    elif kind == "cmyk":
        path.unlink()
        pixels = np.full((*SIZE, 3), (200, 100, 50), np.uint8)
        inks = np.concatenate([255 - pixels, np.zeros((*SIZE, 1), np.uint8)], axis=2)
        Image.frombytes("CMYK", SIZE[::-1], inks.tobytes()).save(
            path.with_suffix(".jpg"), quality=100
        )
    else:
        palette = [(10 * i, 255 - i, i) for i in range(20)]
        values = trees.indices(0, [*range(20)])
        pixels = np.array(palette, np.uint8)[values]
        png.write(
            path, values, 8, png.PALETTE, palette=palette, before=((b"tRNS", bytes(range(20))),)
        )
    found = np.asarray(open_dataset("folder", tmp_path)[0].image).transpose(1, 2, 0)
    assert np.abs(found.astype(int) - pixels).max() <= (3 if kind == "cmyk" else 0)
