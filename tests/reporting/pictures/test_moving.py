"""Moving pictures: as many frames as were given, of their size, and nothing half-written."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from segprune.data.classes import CAMVID
from segprune.errors import ArtifactError, InputError
from segprune.reporting.pictures.lettering import as_tensor
from segprune.reporting.pictures.moving import in_palette, open_video, write_gif, write_video


def frames(count: int, height: int = 48, width: int = 64) -> Iterator[Tensor]:
    """A bright bar that moves to the right over grey."""
    for number in range(count):
        frame = torch.full((3, height, width), 90, dtype=torch.uint8)
        frame[0, :, number * 4 : number * 4 + 8] = 255
        yield frame


def test_a_gif_has_the_frames_it_was_given_at_their_pace(tmp_path: Path) -> None:
    path = tmp_path / "a.gif"
    assert write_gif(path, frames(7), rate=4) == 7
    with Image.open(path) as gif:
        assert (gif.n_frames, gif.size) == (7, (64, 48))  # type: ignore[attr-defined]
        assert gif.info["duration"] == 250
        assert gif.info["loop"] == 0
        for number, frame in enumerate(frames(7)):
            gif.seek(number)
            assert (as_tensor(gif).int() - frame.int()).abs().max() <= 3
    assert os.listdir(tmp_path) == ["a.gif"]


def test_equal_frames_of_a_gif_stay_longer(tmp_path: Path) -> None:
    path = tmp_path / "a.gif"
    one = next(frames(1))
    assert write_gif(path, [one, one, one, 255 - one], rate=10) == 4
    with Image.open(path) as gif:
        times = []
        for number in range(gif.n_frames):  # type: ignore[attr-defined]
            gif.seek(number)
            times.append(gif.info["duration"])
    assert sum(times) == 400


@pytest.mark.parametrize("size", [(48, 64), (47, 65)])
def test_a_video_comes_back_as_it_was_written(tmp_path: Path, size: tuple[int, int]) -> None:
    pytest.importorskip("av")
    path = tmp_path / "a.mp4"
    assert write_video(path, frames(9, *size), rate=12) == 9
    video = open_video(path)
    assert (video.count, video.rate) == (9, Fraction(12))
    assert video.size == tuple(side + side % 2 for side in size)
    found = list(video)
    assert len(found) == 9
    for written, read in zip(frames(9, *size), found, strict=True):
        assert read.dtype == torch.uint8
        assert tuple(read.shape[1:]) == video.size
        same = read[:, : size[0], : size[1]].float() - written.float()
        assert same.abs().mean() < 12  # the codec blurs colours, and changes nothing else
    assert os.listdir(tmp_path) == ["a.mp4"]


def test_frames_are_taken_one_by_one(tmp_path: Path) -> None:
    pytest.importorskip("av")
    path = tmp_path / "a.mp4"
    write_video(path, frames(5))
    reading = iter(open_video(path))
    assert next(reading).shape == (3, 48, 64)
    reading.close()  # type: ignore[attr-defined]


@pytest.mark.parametrize("write", [write_gif, write_video])
def test_frames_of_several_sizes_or_none_leave_nothing(tmp_path: Path, write: object) -> None:
    if write is write_video:
        pytest.importorskip("av")
    mixed = [*frames(2), *frames(1, 48, 60)]
    with pytest.raises(InputError, match="64x48, found 60x48 as number 3"):
        write(tmp_path / "a", mixed)  # type: ignore[operator]
    with pytest.raises(InputError, match="found none"):
        write(tmp_path / "a", [])  # type: ignore[operator]
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("write", [write_gif, write_video])
def test_an_error_among_the_frames_leaves_the_file_that_was_there(
    tmp_path: Path, write: object
) -> None:
    if write is write_video:
        pytest.importorskip("av")

    def failing() -> Iterator[Tensor]:
        yield from frames(3)
        raise KeyboardInterrupt

    path = tmp_path / "a"
    path.write_text("before")
    with pytest.raises(KeyboardInterrupt):
        write(path, failing())  # type: ignore[operator]
    assert path.read_text() == "before"
    assert os.listdir(tmp_path) == ["a"]


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match=r"none.a\.gif: expected a file that can be written"):
        write_gif(tmp_path / "none" / "a.gif", frames(1))


def test_what_is_no_video_is_named(tmp_path: Path) -> None:
    pytest.importorskip("av")
    path = tmp_path / "text.mp4"
    path.write_text("no video at all")
    with pytest.raises(InputError, match=r"text\.mp4: expected a video"):
        open_video(path)
    with pytest.raises(InputError, match=r"none\.mp4: expected a video"):
        open_video(tmp_path / "none.mp4")


def test_without_the_extra_the_error_names_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(InputError, match=r"segprune\[video\]"):
        write_video(tmp_path / "a.mp4", frames(1))
    with pytest.raises(InputError, match=r"segprune\[video\]"):
        open_video(tmp_path / "a.mp4")
    assert write_gif(tmp_path / "a.gif", frames(1)) == 1


def test_a_palette_keeps_the_colours_that_it_must_keep() -> None:
    rng = np.random.default_rng(0)
    picture = torch.from_numpy(rng.integers(0, 256, (3, 60, 80), dtype=np.uint8))
    for number, colour in enumerate(CAMVID.colours):
        picture[:, number, :4] = torch.tensor(colour, dtype=torch.uint8)[:, None]
    few = in_palette(picture, CAMVID.colours)
    assert few.mode == "P"
    shown = as_tensor(few)
    for number, colour in enumerate(CAMVID.colours):
        apart = shown[:, number, :4].int() - torch.tensor(colour)[:, None]
        assert apart.abs().max() <= 3  # Pillow looks colours up in steps of four
    assert len(set(map(tuple, shown.flatten(1).T.tolist()))) <= 256
