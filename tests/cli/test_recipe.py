"""`segprune recipe new` writes a recipe that the other commands take, and overwrites nothing."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from segprune.cli import app
from segprune.training.recipe import read_recipe


def run(*words: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, ["recipe", "new", *words])
    return result.exit_code, result.output


def test_the_file_is_read_and_the_next_command_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("dense.pt").touch()
    status, output = run("first.toml", "--dense", "dense.pt", "--model", "my.nets:make")
    assert status == 0
    assert "segprune recover first.toml" in output
    assert read_recipe(Path("first.toml")).network.init_from == Path("dense.pt")
    assert run("second.toml")[1].endswith("segprune train second.toml\n")


def test_a_file_that_is_there_stays_unless_it_may_go(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("mine.toml").write_text("precious")
    status, output = run("mine.toml")
    assert status == 2
    assert "--replace" in output
    assert Path("mine.toml").read_text() == "precious"
    assert run("mine.toml", "--replace")[0] == 0


def test_a_dense_file_that_is_not_there_is_an_error_before_anything_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    status, output = run("mine.toml", "--dense", "nowhere.pt")
    assert status == 2
    assert "nowhere.pt" in output
    assert list(tmp_path.iterdir()) == []
