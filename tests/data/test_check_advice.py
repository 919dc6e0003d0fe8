"""What `data check` advises, and how often it says a thing."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from data import trees
from segprune.cli import app
from segprune.data import open_dataset
from segprune.data.check import check_dataset

NAMES = ("a", "b", "c", "d")


def command(*words: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, ["data", "check", *words], env={"COLUMNS": "500"})
    return result.exit_code, " ".join(result.output.split())


def labelled(root: Path, low: int, high: int) -> None:
    """Labels that hold each value from low to high; three classes in the table."""
    trees.folder(root, NAMES)
    trees.classes_file(root, 'names = ["road", "car", "sky"]')
    values = np.arange(trees.SIZE[0] * trees.SIZE[1]) % (high - low + 1) + low
    for name in NAMES:
        trees.write(root / "labels" / f"{name}.png", values.reshape(trees.SIZE).astype(np.uint8))


@pytest.mark.parametrize("low", [0, 1])
def test_labels_from_1_to_k_are_fine_with_the_map_that_is_advised(tmp_path: Path, low: int) -> None:
    labelled(tmp_path, low, 3)
    status, said = command("folder", "--root", str(tmp_path))
    assert status == 1
    shown = said.partition("--label-map ")[2].split()[0]
    assert ("0=void" in shown) is (low == 0)
    status, said = command("folder", "--root", str(tmp_path), "--label-map", shown)
    assert status == 0, said
    found = check_dataset(open_dataset("folder", tmp_path, label_map=_map(shown)))
    assert all(found.pixels)


def _map(shown: str) -> dict[str, int | str]:
    pairs = (part.split("=") for part in shown.split(","))
    return {value: index if index == "void" else int(index) for value, index in pairs}


@pytest.mark.parametrize(("low", "high"), [(0, 2), (0, 9), (2, 7)])
def test_other_labels_get_no_such_advice(tmp_path: Path, low: int, high: int) -> None:
    labelled(tmp_path, low, high)
    assert "count from 1" not in command("folder", "--root", str(tmp_path))[1]


def test_a_problem_of_many_files_is_said_once_with_their_names(tmp_path: Path) -> None:
    labelled(tmp_path, 1, 3)
    found = check_dataset(open_dataset("folder", tmp_path, check=False))
    assert (found.faulty, found.kinds) == (4, 1)
    (problem,) = found.summary
    assert problem.count("found 3") == 1
    assert "The same with 3 more: b.png, c.png, d.png." in problem


def test_problems_that_differ_are_said_apart(tmp_path: Path) -> None:
    labelled(tmp_path, 1, 3)
    trees.write(tmp_path / "labels" / "b.png", np.full(trees.SIZE, 7, np.uint8))
    found = check_dataset(open_dataset("folder", tmp_path, check=False))
    assert (found.faulty, found.kinds) == (4, 2)


def test_images_without_sequences_count_each_by_itself(tmp_path: Path) -> None:
    labelled(tmp_path, 0, 2)
    status, said = command("folder", "--root", str(tmp_path))
    assert status == 0, said
    assert "4 images, each by itself (no sequences)" in said
    assert "1 sequence" not in said
    trees.folder(tmp_path / "video", ("day/a", "day/b", "night/c"))
    trees.classes_file(tmp_path / "video", 'names = ["road", "car", "sky"]')
    assert "3 images in 2 sequences" in command("folder", "--root", str(tmp_path / "video"))[1]


def test_the_folder_of_ones_own_images_is_asked_for_in_words(tmp_path: Path) -> None:
    for words in ((), ("--root", str(tmp_path / "none"))):
        status, said = command("folder", *words)
        assert status == 2
        assert "expected the folder of your images and labels" in said
