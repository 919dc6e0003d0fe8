"""`segprune report` writes a page of records, or copies the records of runs."""

from __future__ import annotations

from pathlib import Path

import pytest

from cli.runner import segprune_
from reporting.records import a_run


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--adopt",), "report: expected a run beside --adopt"),
        (("runs/a",), "report: expected --adopt beside a run"),
        (("--replace",), "--replace: expected --adopt beside it"),
    ],
)
def test_options_that_need_another_one_say_so(
    here: Path, words: tuple[str, ...], says: str
) -> None:
    result = segprune_("report", *words)
    assert result.exit_code == 2
    assert says in " ".join(result.stderr.split())
    assert not list(here.iterdir())


def test_records_of_a_run_are_copied_and_then_shown_on_the_page(here: Path) -> None:
    a_run(here / "runs" / "dense")
    copied = segprune_("report", "--adopt", "runs/dense", "--records", "records")
    assert copied.exit_code == 0, copied.output
    assert copied.stdout.split()[0] == "new"
    written = segprune_("report", "--records", "records", "--out", "page", "--no-plots")
    assert written.exit_code == 0, written.output
    assert "1 trainings, 0 cells" in written.stdout
    assert sorted(path.name for path in (here / "page").iterdir()) == ["RESULTS.csv", "RESULTS.md"]


def test_a_folder_without_records_makes_a_page_that_says_so(here: Path) -> None:
    (here / "records").mkdir()
    result = segprune_("report", "--records", "records", "--out", "page", "--no-plots")
    assert result.exit_code == 0, result.output
    assert "no record to show" in result.stdout
