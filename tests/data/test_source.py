"""Which images a network is run on: one source, or an error that says what to leave out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from segprune.data.source import ImageSource
from segprune.errors import InputError, SegpruneWarning


def test_a_source_is_called_by_its_folder_or_its_data_set(tmp_path: Path) -> None:
    assert ImageSource().label is None
    assert ImageSource(frames=tmp_path).label == tmp_path.name
    assert ImageSource(data="streets", split="val").label == "streets val"


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"frames": Path(), "data": "streets"}, "leave one out"),
        ({"root": Path()}, "name the data set"),
        ({"data": "kitti"}, "expected the name of a data set"),
        ({"frames": Path("nowhere")}, "a folder of images"),
        ({"data": "camvid", "root": Path("nowhere")}, "the folder of camvid"),
    ],
)
def test_a_source_that_cannot_be_is_refused(options: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError, match=said):
        ImageSource(**options)


def test_a_path_in_place_of_a_name_is_taken_for_frames_with_a_warning(tmp_path: Path) -> None:
    with pytest.warns(SegpruneWarning, match="frames="):
        source = ImageSource(data=str(tmp_path))
    assert (source.frames, source.data) == (tmp_path, None)
