"""Class tables: what is read, what is refused, and colours that most people tell apart."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest

from data import trees
from segprune.data.classes import CAMVID, CITYSCAPES, ClassTable, default_colours, read_classes
from segprune.errors import InputError

SEEN_AS = {
    "most people": np.eye(3),
    "without red cones": [
        [0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ],
    "without green cones": [
        [0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ],
}  # fmt: skip
"""Linear RGB as others see it: Machado, Oliveira and Fernandes (2009), severity 1."""


def lab(colour: tuple[int, int, int], matrix: object) -> np.ndarray:
    """CIE L*a*b* (D65) of a colour as it is seen."""
    value = np.array(colour) / 255
    linear = np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)
    linear = np.clip(np.array(matrix) @ linear, 0, 1)
    to_xyz = [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]
    xyz = np.array(to_xyz) @ linear / [0.9505, 1.0, 1.089]
    f = np.where(xyz > (6 / 29) ** 3, np.cbrt(xyz), xyz / (3 * (6 / 29) ** 2) + 4 / 29)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


@pytest.mark.parametrize("eyes", SEEN_AS)
def test_the_first_eight_colours_are_told_apart_with_any_eyes(eyes: str) -> None:
    seen = [lab(colour, SEEN_AS[eyes]) for colour in (*default_colours(8), (0, 0, 0))]
    apart = min(float(np.linalg.norm(a - b)) for a, b in itertools.combinations(seen, 2))
    assert apart > 15  # 2.3 is what is just noticed


def test_default_colours_are_different_and_none_is_the_black_of_void() -> None:
    colours = default_colours(24)
    assert len(set(colours)) == 24
    assert min(max(colour) for colour in colours) > 60
    assert default_colours(255)[:24] == colours
    assert default_colours(0) == ()


def test_names_alone_get_the_default_colours(tmp_path: Path) -> None:
    table = read_classes(trees.classes_file(tmp_path))
    assert table == ClassTable(("road", "car", "tree"))
    assert table.colours == default_colours(3)
    assert len(table) == 3


def test_colours_can_be_written(tmp_path: Path) -> None:
    text = 'names = ["a", "b"]\ncolours = [[1, 2, 3], [0, 255, 7]]\n'
    assert read_classes(trees.classes_file(tmp_path, text)).colours == ((1, 2, 3), (0, 255, 7))


def test_the_built_in_tables_have_a_colour_for_every_class() -> None:
    assert [len(table) for table in (CAMVID, CITYSCAPES)] == [11, 19]
    assert all(len(set(table.colours)) == len(table) for table in (CAMVID, CITYSCAPES))


def test_a_missing_table_says_what_to_write_and_that_can_be_read(tmp_path: Path) -> None:
    with pytest.raises(InputError) as error:
        read_classes(tmp_path / "classes.toml")
    said = str(error.value)
    assert str(tmp_path / "classes.toml") in said
    names = said[said.index("names = ") :].split("],")[0] + "]"
    colours = said[said.index("colours = ") :].split("]]")[0] + "]]"
    table = read_classes(trees.classes_file(tmp_path, f"{names}\n{colours}\n"))
    assert table.names == ("road", "car")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("names = ", "TOML"),
        ("\x00", "TOML"),
        ("", "no names"),
        ('classes = ["a"]', "classes"),
        ('names = ["a"]\ncolors = [[1, 2, 3]]', "colors"),
        ("names = []", "1 to 255"),
        ('names = "road"', "1 to 255"),
        ("names = [1, 2]", "1 to 255"),
        ('names = [" "]', "1 to 255"),
        (f"names = {[f'n{i}' for i in range(256)]}", "1 to 255"),
        ('names = ["a", "b", "a"]', "'a' twice"),
        ('names = ["a", "b"]\ncolours = [[1, 2, 3]]', "expected 2"),
        ('names = ["a"]\ncolours = 3', "expected 1"),
        ('names = ["a"]\ncolours = [[1, 2]]', "(1, 2)"),
        ('names = ["a"]\ncolours = [[1, 2, 256]]', "256"),
        ('names = ["a"]\ncolours = [[1, 2, 0.5]]', "0.5"),
        ('names = ["a"]\ncolours = [[1, 2, true]]', "True"),
        ('names = ["a"]\ncolours = ["red"]', "red"),
    ],
)
def test_what_is_wrong_with_a_table_is_named_with_its_file(
    tmp_path: Path, text: str, said: str
) -> None:
    path = trees.classes_file(tmp_path, text)
    with pytest.raises(InputError) as error:
        read_classes(path)
    assert said in str(error.value)
    assert str(error.value).startswith(f"{path}: ")


def test_a_table_from_python_is_checked_too() -> None:
    with pytest.raises(InputError, match="expected 2, one for each name"):
        ClassTable(("a", "b"), ((1, 2, 3),))
