"""segprune data check: counts and class shares, and status 1 where something is wrong."""

from __future__ import annotations

from pathlib import Path

from cli.runner import segprune_
from data import trees


def test_a_folder_in_order_is_counted(tmp_path: Path) -> None:
    trees.folder(tmp_path)
    trees.classes_file(tmp_path)
    result = segprune_("data", "check", "folder", "--root", str(tmp_path))
    assert result.exit_code == 0, result.output
    for name in ("road", "car", "tree"):
        assert name in result.output


def test_a_label_of_another_size_is_named_and_the_status_says_so(tmp_path: Path) -> None:
    trees.folder(tmp_path)
    trees.classes_file(tmp_path)
    trees.write(tmp_path / "labels" / "day" / "b.png", trees.indices(1, [0, 1], (5, 5)))
    result = segprune_("data", "check", "folder", "--root", str(tmp_path))
    assert result.exit_code == 1
    assert "b.png" in result.output


def test_a_folder_that_is_missing_is_an_error_with_its_path(tmp_path: Path) -> None:
    result = segprune_("data", "check", "folder", "--root", str(tmp_path / "nowhere"))
    assert result.exit_code == 2
    assert "nowhere" in result.output.replace("\n", "")
