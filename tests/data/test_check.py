"""`segprune data check`: what it counts, which problems it tells, and how it ends."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner, Result

from data import trees
from segprune.cli import app
from segprune.data import open_dataset
from segprune.data.check import check_dataset

NAMES = tuple(f"{number:02d}" for number in range(15))


def command(*words: str) -> Result:
    """Run `segprune data check` as if in a wide terminal."""
    return CliRunner().invoke(app, ["data", "check", *words], env={"COLUMNS": "500"})


def test_counts_are_those_of_the_labels(tmp_path: Path) -> None:
    written = trees.folder(tmp_path, ("a", "day/b", "day/c"), classes=4)
    label = trees.write(tmp_path / "labels" / "a.png", np.full(trees.SIZE, 1, np.uint8))
    written["a"] = (written["a"][0], label)
    for kind, values in (
        ("images", trees.pixels(0, (8, 8))),
        ("labels", np.zeros((8, 8), np.uint8)),
    ):
        written["z"] = (None, trees.write(tmp_path / kind / "z.png", values))
    trees.classes_file(tmp_path, 'names = ["road", "car", "tree", "sky", "sign"]')
    seen = []
    found = check_dataset(
        open_dataset("folder", tmp_path), progress=lambda *step: seen.append(step)
    )
    labels = [pair[1] for pair in written.values()]
    assert found.pixels == tuple(int(sum((one == k).sum() for one in labels)) for k in range(5))
    assert found.present == tuple(int(sum((one == k).any() for one in labels)) for k in range(5))
    assert found.void == sum((one == 255).sum() for one in labels)
    assert found.pixels[4] == found.present[4] == 0
    assert sum(found.shares) == pytest.approx(1)
    assert found.void_share == pytest.approx(found.void / sum(one.size for one in labels))
    assert found.sizes == (((12, 20), 3), ((8, 8), 1))
    assert (found.images, found.sequences, found.faulty, found.problems) == (4, 3, 0, ())
    assert seen == [("reading", done, 4) for done in (1, 2, 3, 4)]


def test_a_size_changes_no_count(tmp_path: Path) -> None:
    trees.camvid(tmp_path)
    stored, small = (
        check_dataset(open_dataset("camvid", tmp_path, size=size)) for size in (None, (6, 10))
    )
    assert stored == small


def test_streets_are_checked_too() -> None:
    found = check_dataset(open_dataset("streets", size=(64, 128), count=3))
    assert found.problems == ()
    assert sum(found.pixels) + found.void == 3 * 64 * 128
    assert (found.images, found.sizes) == (3, (((64, 128), 3),))


@pytest.fixture
def faulty(tmp_path: Path) -> Path:
    """Fifteen images; five have a problem each, of five kinds."""
    trees.folder(tmp_path / "train", NAMES)
    trees.classes_file(tmp_path)
    images, labels = tmp_path / "train" / "images", tmp_path / "train" / "labels"
    (labels / "01.png").unlink()
    content = (images / "03.png").read_bytes()
    (images / "03.png").write_bytes(content[: len(content) // 2])
    trees.write(labels / "05.png", np.zeros((5, 5), np.uint8))
    trees.write(labels / "07.png", np.full(trees.SIZE, 9, np.uint8))
    trees.write(labels / "09.png", np.full(trees.SIZE, 255, np.uint8))
    return tmp_path


WANTED = {
    "01": "expected its label", "03": "can be read", "05": "found 5×5", "07": "found 9",
    "09": "nothing but void",
}  # fmt: skip


def test_every_problem_is_told_with_its_file(faulty: Path) -> None:
    found = check_dataset(open_dataset("folder", faulty, split="train", check=False))
    assert found.faulty == len(found.problems) == 5
    for (name, words), problem in zip(WANTED.items(), found.problems, strict=True):
        assert f"{name}.png" in problem
        assert words in problem
    assert sum(count for _, count in found.sizes) == 11  # void throughout, but read


def test_all_problems_are_counted_and_the_first_are_told(faulty: Path) -> None:
    for name in NAMES:
        (faulty / "train" / "labels" / f"{name}.png").unlink(missing_ok=True)
    dataset = open_dataset("folder", faulty, split="train", check=False)
    found = check_dataset(dataset)
    assert (found.faulty, len(found.problems)) == (15, 10)
    assert "09.png" in found.problems[-1]
    assert len(check_dataset(dataset, most=2).problems) == 2
    assert found.sizes == ()
    assert found.shares == (0, 0, 0)


def test_labels_without_an_image_are_told(faulty: Path) -> None:
    images, labels = faulty / "train" / "images", faulty / "train" / "labels"
    (images / "02.png").rename(images / "02.tiff")  # not an image that is looked for
    (labels / "04.png").rename(labels / "04.PNG")
    (labels / "notes.txt").touch()
    dataset = open_dataset("folder", faulty, split="train", count=2, check=False)
    assert check_dataset(dataset).unpaired == (labels / "02.png",)
    result = command("folder", "--root", str(faulty))
    assert f"1 label has no image: {labels / '02.png'};" in result.stdout


def test_a_label_without_an_image_is_enough_to_end_with_one(tmp_path: Path) -> None:
    trees.camvid(tmp_path)
    labels = tmp_path / "val" / "labels"
    assert check_dataset(open_dataset("camvid", tmp_path)).unpaired == ()
    trees.write(labels / "zebra.png", np.zeros(trees.SIZE, np.uint8))
    result = command("camvid", "--root", str(tmp_path), "--split", "val")
    assert result.exit_code == 1
    assert "1 label has no image" in result.stdout
    assert "fine" not in result.stdout


def test_the_command_says_what_there_is(tmp_path: Path) -> None:
    written = trees.camvid(tmp_path)
    result = command("camvid", "--root", str(tmp_path), "--split", "val")
    assert result.exit_code == 0, result.output
    lines = [line.split() for line in result.stdout.splitlines()]
    assert "camvid, val: 4 images in 2 sequences, 12×20" in result.stdout
    labels = np.concatenate([label.ravel() for _, label in written.values()])
    car = 100 * (labels == 8).sum() / (labels != 255).sum()
    (row,) = (line for line in lines if line[:1] == ["car"])
    assert float(row[1]) == pytest.approx(car, abs=0.06)
    assert row[2:4] == ["%", "4"]
    assert set(row[4]) == {"█"}
    assert ["fine", "every"] in [line[:2] for line in lines]
    assert "wrong" not in result.stdout


def test_the_command_ends_with_one_if_something_is_wrong(faulty: Path) -> None:
    result = command("folder", "--root", str(faulty))
    assert result.exit_code == 1
    assert "5 of 15 images" in result.stdout
    for name, words in WANTED.items():
        (line,) = (one for one in result.stdout.splitlines() if words in one)
        assert f"{name}.png" in line


def test_the_command_looks_at_both_splits_that_a_training_needs(tmp_path: Path) -> None:
    trees.classes_file(tmp_path)
    trees.folder(tmp_path / "train")
    alone = command("folder", "--root", str(tmp_path))
    assert alone.exit_code == 0
    assert "val: not looked at" in alone.stdout
    trees.folder(tmp_path / "val", classes=3)
    (tmp_path / "val" / "labels" / "a.png").unlink()
    both = command("folder", "--root", str(tmp_path))
    assert both.exit_code == 1
    assert "folder, train: 4 images" in both.stdout
    assert "1 of 4 images" in both.stdout
    assert command("folder", "--root", str(tmp_path), "--split", "train").exit_code == 0


def test_the_command_bounds_and_names_what_is_absent(faulty: Path) -> None:
    trees.classes_file(faulty, 'names = ["road", "car", "tree", "[bold]sky[/bold]"]')
    result = command("folder", "--root", str(faulty), "--count", "2", "--size", "6X10")
    assert "2 images" in result.stdout
    assert "no pixel of [bold]sky[/bold]" in result.stdout
    streets = command("streets", "--size", "64x96", "--count", "1")
    assert streets.exit_code == 0, streets.output
    assert "1 image in 1 sequence, 64×96" in streets.stdout


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("kitti",), "streets, camvid, cityscapes, folder"),
        (("camvid",), "--root"),
        (("camvid", "--root", "nowhere"), "nowhere"),
        (("folder", "--root", "."), "images"),
        (("streets", "--size", "128"), "--size"),
        (("streets", "--size", "0x128"), "--size"),
        (("streets", "--split", "vall"), "vall"),
    ],
)
def test_what_cannot_be_opened_is_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    result = command(*words)
    assert result.exit_code == 2, result.output
    assert result.stdout == ""
    (line,) = result.stderr.splitlines()
    assert line.startswith("error: ")
    assert said in line


def test_the_help_teaches_by_examples() -> None:
    assert "segprune data check camvid" in command("--help").stdout
    assert command().exit_code == 2  # shows the help
