"""`segprune data check` ends with the status that a script expects."""

from __future__ import annotations

from pathlib import Path

import pytest

from cli.runner import segprune_
from data import trees


@pytest.fixture
def images(tmp_path: Path) -> Path:
    trees.folder(tmp_path, ("a", "b", "c"))
    trees.classes_file(tmp_path)
    return tmp_path


def test_a_data_set_without_problems_ends_with_0(images: Path) -> None:
    result = segprune_("data", "check", "folder", "--root", str(images))
    assert result.exit_code == 0, result.output
    assert "every image has a label of its size" in " ".join(result.stdout.split())


def test_a_label_that_is_missing_ends_with_1_and_is_named(images: Path) -> None:
    (images / "labels" / "b.png").unlink()
    result = segprune_("data", "check", "folder", "--root", str(images))
    assert result.exit_code == 1
    assert "b.png" in result.stdout


def test_a_size_of_another_form_is_refused_before_anything_is_read(images: Path) -> None:
    result = segprune_("data", "check", "folder", "--root", str(images), "--size", "12")
    assert result.exit_code == 2
    assert result.stderr.startswith("error: --size: expected HxW")
    assert result.stdout == ""
