"""Folders of runs: a free one, one that may be replaced, and one process in each."""

from __future__ import annotations

from pathlib import Path

import pytest

from segprune.errors import InputError
from segprune.workflows.folder import choose_folder, only_one


def test_a_run_without_a_name_takes_the_first_that_is_free(tmp_path: Path) -> None:
    for expected in ("run", "run-2", "run-3"):
        folder = choose_folder(tmp_path, None, "run")
        assert folder == tmp_path / expected
        folder.mkdir()


def test_a_name_that_is_taken_is_only_given_to_be_replaced(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    with pytest.raises(InputError, match="name: expected one that is free"):
        choose_folder(tmp_path, "mine", "run")
    assert choose_folder(tmp_path, "mine", "run", replace=True) == tmp_path / "mine"


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "a\\b", "a\0b", "x" * 201])
def test_what_is_no_name_of_a_folder_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError, match="name: expected"):
        choose_folder(tmp_path, name, "run")
    assert not list(tmp_path.iterdir())


def test_a_file_in_place_of_the_folder_of_runs_is_named(tmp_path: Path) -> None:
    (tmp_path / "runs").touch()
    with pytest.raises(InputError, match="out: expected a folder, found the file"):
        choose_folder(tmp_path / "runs", None, "run")


def test_a_folder_is_for_one_at_a_time(tmp_path: Path) -> None:
    refused = pytest.raises(InputError, match="found another process")
    with only_one(tmp_path), refused, only_one(tmp_path):
        pass
    with only_one(tmp_path):
        pass
