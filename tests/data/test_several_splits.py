"""A folder that holds training and validation images is named before channels are chosen by it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from segprune.data import read_batches


def picture(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.zeros((32, 32, 3), np.uint8)).save(path)


@pytest.mark.parametrize("held_back", ["val", "test"])
def test_images_of_both_splits_are_a_note(tmp_path: Path, held_back: str) -> None:
    for split in ("train", held_back):
        picture(tmp_path / split / "images" / "a.png")
    (note,) = read_batches(tmp_path, 2, (1, 3, 32, 32)).notes
    assert f"train and of {held_back}" in note
    assert read_batches(tmp_path / "train", 2, (1, 3, 32, 32)).notes == ()
