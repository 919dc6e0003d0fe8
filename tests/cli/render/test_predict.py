"""Pictures have a row each if there is a number to show, and the first twenty are shown."""

from __future__ import annotations

from pathlib import Path

from cli.render.conftest import Shown
from segprune.cli.render.predict import announce_prediction, show_prediction
from segprune.records.prediction import Pictured, PredictRecord
from segprune.records.prediction import Shown as Network
from segprune.workflows.predict.run import PredictResult

NETWORK = Network("small", "0" * 64, 100, 1000)
DENSE = Network("dense", "1" * 64, 200, 4000)


def result(*pictures: Pictured, dense: Network | None = None) -> PredictResult:
    record = PredictRecord(("segprune",), "drives", ("a", "b"), NETWORK, dense, pictures)
    return PredictResult(Path("runs/seen"), ("a.png",), record, ())


def test_the_first_line_names_the_files_without_their_folders(shown: Shown) -> None:
    lines = shown(announce_prediction, Path("runs/s.safetensors"), "my/drives", Path("runs/d.pt"))
    assert lines == ["s.safetensors on drives, beside d.pt"]


def test_scores_and_differences_have_a_column_each(shown: Shown) -> None:
    lines = shown(show_prediction, result(Pictured("one", 0.5, 0.6, 0.125), dense=DENSE))
    assert "one 60.0 50.0 12.5 %" in lines
    assert any("50 %" in line and "25 %" in line for line in lines)
    assert "written runs/seen/: a.png, record.json" in lines


def test_pictures_without_numbers_have_no_rows(shown: Shown) -> None:
    assert not any("one" in line for line in shown(show_prediction, result(
        Pictured("one", None, None, None)
    )))  # fmt: skip


def test_more_than_twenty_pictures_are_counted(shown: Shown) -> None:
    pictures = [Pictured(f"p{n}", 0.5, None, None) for n in range(23)]
    lines = shown(show_prediction, result(*pictures))
    assert "p19 50.0" in lines
    assert "p20 50.0" not in lines
    assert "and 3 more, in record.json" in lines
