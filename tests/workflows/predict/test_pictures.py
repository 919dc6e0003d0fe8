"""Pictures to look at: each has a name of its own, and a label of its size."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from segprune.errors import InputError
from segprune.workflows.predict.pictures import open_pictures


def write(path: Path, shape: tuple[int, ...], value: int = 7) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.full(shape, value, np.uint8)).save(path)
    return path


def test_images_of_one_name_get_names_of_their_own(tmp_path: Path) -> None:
    for name in ("a/b.png", "a-b.png", "a/b.jpg"):
        write(tmp_path / name, (4, 6, 3))
    found = open_pictures(str(tmp_path))
    names = [picture.name for picture in found.pictures()]
    assert sorted(names) == ["a-b", "a-b-2", "a-b-3"]
    assert found.count == 3


def test_the_number_of_pictures_is_spread_over_the_folder(tmp_path: Path) -> None:
    for number in range(9):
        write(tmp_path / f"{number}.png", (4, 6, 3), number)
    found = [int(p.image[0, 0, 0]) for p in open_pictures(str(tmp_path), count=3).pictures()]
    assert len(found) == 3
    assert found == sorted(found)
    assert found[-1] - found[0] >= 4


def test_a_label_of_another_size_is_named(tmp_path: Path) -> None:
    write(tmp_path / "images" / "a.png", (4, 6, 3))
    label = write(tmp_path / "labels" / "a.png", (4, 5))
    with pytest.raises(InputError, match=r"expected the size of its image, 6x4, found 5x4"):
        list(open_pictures(str(tmp_path)).pictures())
    (picture,) = open_pictures(str(tmp_path), labels=False).pictures()
    assert picture.label is None
    write(label, (4, 6))
    (picture,) = open_pictures(str(tmp_path)).pictures()
    assert picture.label is not None
    assert picture.label.unique().tolist() == [7]


def test_what_is_no_picture_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.txt").touch()
    for source, message in (
        (tmp_path / "a.txt", "found a file of another kind"), (tmp_path / "b", "found nothing")
    ):  # fmt: skip
        with pytest.raises(InputError, match=message):
            open_pictures(str(source))
    with pytest.raises(InputError, match="count: expected at least 1"):
        open_pictures(str(tmp_path), count=0)
    with pytest.raises(InputError, match="root: expected it with the name of a data set"):
        open_pictures(str(tmp_path), root=tmp_path)
