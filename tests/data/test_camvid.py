"""CamVid in both of its layouts gives out what was written."""

from __future__ import annotations

from pathlib import Path

from data import trees
from data.reading_back import check, mapped
from segprune.data import open_dataset


def test_camvid_gives_out_what_was_written(tmp_path: Path) -> None:
    written = trees.camvid(tmp_path)
    dataset = open_dataset("camvid", tmp_path)
    check(dataset, written)
    assert dataset.sequences == ("0000XX", "0000XX", "0001XX", "0001XX")
    assert (dataset.name, dataset.split, len(dataset.classes)) == ("camvid", "val", 11)


def test_in_the_tutorials_layout_index_eleven_is_void(tmp_path: Path) -> None:
    written = trees.tutorial(tmp_path, "train")
    (tmp_path / "train.txt").write_text("a list that is not needed\n")
    dataset = open_dataset("camvid", tmp_path, split="train")
    check(dataset, mapped(written, {value: value for value in range(11)}))
    assert set(dataset.sequences) == {"0016E5"}
