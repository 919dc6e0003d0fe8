"""The gates of one case share what they look at: its files are read once."""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from pytest_plugin.repository import Repository, output

_OPENED, _CLOSED, _NONBLOCK, _EVENT = 0x20, 0x10, 0o4000, 16


@contextmanager
def openings(path: Path) -> Iterator[list[int]]:
    """Count how often a file is opened within the block, whoever opens it; by the kernel."""
    libc = ctypes.CDLL(None, use_errno=True)
    watch = libc.inotify_init1(_NONBLOCK)
    # Closings are watched, too, because equal events in a row are merged into one.
    assert libc.inotify_add_watch(watch, str(path).encode(), _OPENED | _CLOSED) >= 0
    count: list[int] = []
    try:
        yield count
        events = os.read(watch, 2**16)
        masks = [events[at + 4 : at + 8] for at in range(0, len(events), _EVENT)]
        count.append(sum(int.from_bytes(mask, sys.byteorder) == _OPENED for mask in masks))
    finally:
        os.close(watch)


@pytest.mark.skipif(sys.platform != "linux", reason="counts with inotify, which is Linux's")
@pytest.mark.parametrize("accepting", [False, True])
def test_the_artefact_is_read_once_a_case(repository: Repository, accepting: bool) -> None:
    """All gates judge the same bytes, also if the file is replaced while they run."""
    arguments = ("--segprune-accept",) if accepting else ("test_gates.py",)
    with openings(repository.path / "half.safetensors") as count:
        repository.run(*arguments).assert_outcomes(passed=4)
    assert count == [1]


def test_the_marker_says_the_normalisation(repository: Repository) -> None:
    usual = output(repository.run("-k", "accuracy"))
    assert "mine-half: normalisation: mean 0.485" in usual
    assert "ImageNet's, assumed" in usual
    assert "guessing" not in usual
    repository.edit("data=scenes", "data=scenes, mean=(9, 9, 9), std=(5, 5, 5), range=(0, 255)")
    result = repository.run("-k", "accuracy")
    said = output(result)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    assert "mean 9, 9, 9, std 5, 5, 5, of pixels scaled to 0–255 (given)" in said
    assert "data preprocessing: expected" in said
