"""segprune report adopts runs and writes the page, and says what it cannot do."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from reporting.records import a_run, digest, sensitivity
from segprune.cli import app
from segprune.records.io import write_record

COMMITTED = Path(__file__).resolve().parents[2] / "benchmarks" / "policy.toml"


def test_the_command_adopts_and_then_writes_the_page(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    a_run(tmp_path / "runs" / "dense", miou=0.7123)
    sensitive = tmp_path / "runs" / "bisenetv2-sensitivity"
    sensitive.mkdir()
    write_record(sensitive / "sensitivity.json", sensitivity())
    (tmp_path / "benchmarks").mkdir()
    options = ["--policy", str(COMMITTED)]
    call = CliRunner().invoke
    adopted = call(app, ["report", "--adopt", "runs/dense", "runs/bisenetv2-sensitivity"])
    assert adopted.exit_code == 0, adopted.output
    assert "bisenetv2-streets-dense.json" in adopted.output
    written = call(app, ["report", *options])
    assert written.exit_code == 0, written.output
    assert "71.23" in (tmp_path / "benchmarks" / "RESULTS.md").read_text("utf-8")
    assert "0.7123" in (tmp_path / "benchmarks" / "RESULTS.csv").read_text("utf-8")
    assert (tmp_path / "benchmarks" / "plots" / "sensitivity-bisenetv2-sensitivity.svg").exists()
    assert digest("bisenetv2", "streets", "dense", 0) == sensitivity().weights


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--adopt"], "expected a run beside --adopt"),
        (["runs/x"], "expected --adopt beside a run"),
        (["--replace"], "expected --adopt beside it"),
        (["--adopt", "runs/x"], "expected the folder of a run, or a record, found no such file"),
        (["--records", "nowhere", "--policy", str(COMMITTED)], "expected a folder of records"),
        (["--policy", "nowhere.toml"], "expected a policy"),
    ],
)
def test_what_the_command_cannot_do_it_says(
    words: list[str], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(app, ["report", *words])
    assert result.exit_code == 2
    assert said in result.output
