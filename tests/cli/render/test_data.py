"""A data set's classes are shown by share, and every problem with its number."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from cli.render.conftest import Shown
from segprune.cli.render.data import show_check
from segprune.data.check import DatasetCheck
from segprune.data.classes import ClassTable

TABLE = ClassTable(("road", "car", "tree"), ((1, 1, 1), (2, 2, 2), (3, 3, 3)))


def checked(**changes: Any) -> DatasetCheck:
    fields: dict[str, Any] = {
        "name": "folder", "split": "val", "images": 3, "sequences": 1, "sizes": (((8, 16), 3),),
        "classes": TABLE, "pixels": (300, 100, 0), "void": 100, "present": (3, 1, 0),
        "problems": (), "faulty": 0, "unpaired": (),
    }  # fmt: skip
    return DatasetCheck(**{**fields, **changes})


def test_each_class_has_its_share_of_the_pixels_that_are_not_void(shown: Shown) -> None:
    lines = shown(show_check, checked())
    assert lines[0] == "folder, val: 3 images in 1 sequence, 8×16"
    assert f"road 75 % 3 {'█' * 24}" in lines
    assert f"car 25 % 1 {'█' * 8}" in lines
    assert "tree 0 % 0" in lines
    assert "void 20 % of all pixels; the shares above are of the others" in lines
    assert "absent no pixel of tree" in lines
    assert lines[-1] == "fine every image has a label of its size, with classes of the table"


def test_problems_are_numbered_and_labels_without_an_image_are_named(shown: Shown) -> None:
    summary = ("a.png: found a label of another size", "b.png: found bytes that are no image")
    found = checked(faulty=2, summary=summary, kinds=5, unpaired=(Path("labels/z.png"),))
    lines = shown(show_check, found)
    assert not any(line.startswith("fine") for line in lines)
    assert "unpaired 1 label has no image: labels/z.png" in " ".join(lines)
    assert "wrong 2 of 3 images; the first 2 of 5 problems:" in lines
    assert f"1 {summary[0]}" in lines
    assert f"2 {summary[1]}" in lines
