"""Label maps: masks of 0 and 255, values that mean something else, and labels of one class."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner, Result

from data import png, trees
from segprune.cli import app
from segprune.data import open_dataset, read_batches
from segprune.data.frames import Frames
from segprune.errors import InputError
from segprune.training.recipe import parse_recipe


def masks(root: Path, values: list[int], names: str = '["background", "circle"]') -> np.ndarray:
    """Write two images in a split val; the labels of both hold these values."""
    (root / "classes.toml").write_text(f"names = {names}\n")
    for seed, name in enumerate("ab"):
        trees.write(root / "val" / "images" / f"{name}.png", trees.pixels(seed))
        drawn = trees.indices(seed, values)
        png.write(root / "val" / "labels" / f"{name}.png", drawn)
    return trees.indices(0, values)


def first(root: Path, **options: object) -> np.ndarray:
    return np.asarray(open_dataset("folder", root, **options)[0].label)  # type: ignore[arg-type]


def check(root: Path, *words: str) -> Result:
    return CliRunner().invoke(
        app, ["data", "check", "folder", "--root", str(root), *words], env={"COLUMNS": "900"}
    )


def test_masks_of_0_and_255_are_refused_with_the_remedy(tmp_path: Path) -> None:
    masks(tmp_path, [0, 255])
    for options in ({}, {"count": 1}):
        with pytest.raises(InputError, match=r"0 and 255.*label_map = \{ \"255\" = 1 \}"):
            open_dataset("folder", tmp_path, **options)
    with pytest.raises(InputError, match="0 and 255"):
        read_batches(tmp_path, 1, (1, 3, 12, 20), 2)
    found = check(tmp_path)
    assert found.exit_code == 1
    assert "masks of 0 and 255" in found.stdout
    assert "fine" not in found.stdout


@pytest.mark.parametrize("values", [[0], [2, 255]])
def test_labels_that_show_one_class_of_several_are_refused(
    tmp_path: Path, values: list[int]
) -> None:
    masks(tmp_path, values, '["a", "b", "c"]')
    with pytest.raises(InputError, match=rf"3 classes, found '{'abc'[values[0]]}' alone"):
        open_dataset("folder", tmp_path)
    assert check(tmp_path).exit_code == 1
    png.write(tmp_path / "val" / "labels" / "b.png", trees.indices(0, [1]))
    assert len(open_dataset("folder", tmp_path, count=1)) == 1  # the whole split is checked
    assert check(tmp_path).exit_code == 0


def test_a_table_of_one_class_asks_for_no_second_one(tmp_path: Path) -> None:
    masks(tmp_path, [0, 255], '["road"]')
    assert len(open_dataset("folder", tmp_path)) == 2


@pytest.mark.parametrize("written", ["argument", "file", "both"])
def test_a_label_map_gives_values_their_classes(tmp_path: Path, written: str) -> None:
    drawn = masks(tmp_path, [0, 9, 255], '["background", "circle"]')
    if written != "argument":
        other = 1 if written == "file" else 0
        with (tmp_path / "classes.toml").open("a") as file:
            file.write(f'label_map = {{ "255" = {other}, "9" = "void" }}\n')
    options = {} if written == "file" else {"label_map": {"255": 1, "9": "void"}}
    found = first(tmp_path, **options)
    assert np.array_equal(found, np.select([drawn == 255, drawn == 9], [1, 255], 0))
    notes = open_dataset("folder", tmp_path, **options).notes
    assert ("not that of classes.toml" in " ".join(notes)) is (written == "both")


def test_a_map_in_the_class_table_holds_for_calibration_too(tmp_path: Path) -> None:
    drawn = masks(tmp_path, [0, 255])
    with (tmp_path / "classes.toml").open("a") as file:
        file.write('label_map = { "255" = 1 }\n')

    def labels(frames: Frames) -> np.ndarray:
        return np.asarray(frames.batches[0][1][0])

    read = read_batches(tmp_path / "val", 2, (1, 3, 12, 20), 2)
    assert np.array_equal(labels(read), drawn == 255)
    turned = read_batches(tmp_path / "val", 2, (1, 3, 12, 20), 2, label_map={255: 0, 0: 1})
    assert np.array_equal(labels(turned), drawn == 0)


def test_a_value_whose_class_was_given_to_another_is_no_class_by_chance(tmp_path: Path) -> None:
    """Only some ids of a scene may be trained: the value 0 is not the class that 7 became."""
    masks(tmp_path, [0, 7, 8], '["road", "pavement"]')
    with pytest.raises(InputError, match="7 is class 0, found 0 too"):
        first(tmp_path, label_map={7: 0, 8: 1})
    found = first(tmp_path, label_map={7: 0, 8: 1, 0: "void"})
    assert np.array_equal(np.unique(found), [0, 1, 255])


@pytest.mark.parametrize(
    ("label_map", "said"),
    [
        ({"255": 2}, "below 2"), ({"x": 1}, "'x' = 1"), ({"256": 1}, "'256'"),
        ({"255": -1}, "= -1"), ({"255": 1.0}, "= 1.0"), ({"255": True}, "= True"), ([1], r"\[1\]"),
    ],
)  # fmt: skip
def test_a_map_to_no_class_is_refused(tmp_path: Path, label_map: object, said: str) -> None:
    masks(tmp_path, [0, 255])
    with pytest.raises(InputError, match=f"label_map.*{said}"):
        first(tmp_path, label_map=label_map)


def test_data_sets_that_are_mapped_already_take_no_map() -> None:
    with pytest.raises(InputError, match="label_map: expected none for streets"):
        open_dataset("streets", label_map={255: 1})


def test_data_check_shows_what_is_there_and_applies_the_map(tmp_path: Path) -> None:
    masks(tmp_path, [0, 255])
    found = check(tmp_path, "--label-map", "255=1")
    assert found.exit_code == 0, found.output
    both = [trees.indices(seed, [0, 255]) for seed in (0, 1)]
    share = 100 * float(np.mean([one == 255 for one in both]))
    assert f"255: {share:.1f}" in found.stdout
    (row,) = (line.split() for line in found.stdout.splitlines() if line.startswith("circle"))
    assert float(row[1]) == pytest.approx(share, abs=0.06)
    for wrong in ("255", "255=x", "=1", "a=1"):
        assert check(tmp_path, "--label-map", wrong).exit_code == 2


def test_recipes_say_label_maps() -> None:
    content = {
        "name": "x", "network": {"model": "bisenetv2"}, "training": {"epochs": 1},
        "data": {"name": "folder", "label_map": {"255": 1, "3": "void"}},
    }  # fmt: skip
    assert parse_recipe(content, "x").data.label_map == {"255": 1, "3": "void"}
    content["data"] = {"name": "folder", "label_map": {"255": "foreground"}}
    with pytest.raises(InputError, match="label_map"):
        parse_recipe(content, "x")
