"""Baselines are found wherever they lie and however they are written; other files are ignored."""

from __future__ import annotations

import os
import shutil

import pytest

from pytest_plugin.repository import CASE, GREEN, RED, UNJUDGED, Repository, below, output, settings


def test_a_baseline_is_missed_in_a_folder_that_pytest_does_not_look_into(
    repository: Repository,
) -> None:
    (repository.path / "test_gates.py").write_text("def test_ok():\n    pass\n")
    for folder in (".baselines", "build", ".ci/kept"):
        (repository.path / folder).parent.mkdir(exist_ok=True)
        kept = shutil.move(repository.path / "baselines", repository.path / folder)
        result = repository.run()
        assert result.ret == RED, folder
        assert f"{UNJUDGED}; it lies in {folder}:" in output(result)
        shutil.move(kept, repository.path / "baselines")


@pytest.mark.parametrize(
    "line", ["testpaths = test_else.py", "norecursedirs = gates", "collect_ignore", ".gates"]
)
def test_a_folder_of_gates_is_missed_that_settings_hide(repository: Repository, line: str) -> None:
    below(repository, ".gates" if line == ".gates" else "gates")
    if line == "collect_ignore":
        (repository.path / "conftest.py").write_text('collect_ignore = ["gates"]\n')
    elif line != ".gates":
        settings(repository, line)
    result = repository.run()
    result.assert_outcomes(passed=1)
    assert result.ret == RED
    assert UNJUDGED in output(result)


def test_another_root_does_not_hide_the_folders_that_are_looked_into(
    repository: Repository,
) -> None:
    below(repository, ".gates")
    (repository.path / "other").mkdir()
    result = repository.run("--rootdir", "other")
    assert result.ret == RED
    assert UNJUDGED in output(result)


def test_baselines_in_other_projects_or_environments_are_ignored(
    repository: Repository,
) -> None:
    """A copy beside the judged case, as a build makes one, is not missed either."""
    marks = {"project": "pyproject.toml", ".venv": "pyvenv.cfg", ".kept": "CACHEDIR.TAG"}
    for folder, mark in marks.items():
        kept = repository.path / folder / ".baselines"
        kept.mkdir(parents=True)
        (kept.parent / mark).write_text("")
        (kept / "another.json").write_text(repository.baseline.read_text())
    (repository.path / "build").mkdir()
    shutil.copy(repository.baseline, repository.path / "build")
    assert repository.run("--benchmark-only").ret == GREEN
    (repository.path / "project" / "test_inner.py").write_text("def test_ok():\n    pass\n")
    result = repository.run("--benchmark-only")  # collected here, so it is a part of this project
    assert result.ret == RED
    assert UNJUDGED.replace(CASE, "another") in output(result)


def test_a_baseline_is_known_however_its_schema_is_spelled(repository: Repository) -> None:
    text = repository.baseline.read_text()
    repository.baseline.write_text(text.replace("segprune.baseline/", "\\u0073egprune.baseline\\/"))
    (repository.path / "test_gates.py").write_text("def test_nothing(): pass\n")
    result = repository.run()
    assert result.ret == RED
    assert "expected a test that judges this baseline" in output(result)


@pytest.mark.parametrize("text", ['{"known": ["segprune.baseline/2"]}', '["segprune.baseline/2"]'])
def test_a_file_that_mentions_baselines_is_none(repository: Repository, text: str) -> None:
    (repository.path / "notes.json").write_text(text)
    assert repository.run().ret == 0


def test_a_pipe_is_not_waited_for(repository: Repository) -> None:
    """It has the name of a JSON file, in a folder where baselines are looked for."""
    os.mkfifo(repository.path / "pipe.json")
    assert repository.run().ret == 0


def test_a_baseline_in_another_encoding_is_missed_when_its_tests_are_deleted(
    repository: Repository,
) -> None:
    text = repository.baseline.read_text()
    repository.baseline.write_text(text, encoding="utf-16")
    (repository.path / "test_gates.py").write_text("def test_ok():\n    pass\n")
    result = repository.run()
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    assert f"{CASE}.json: expected a test that judges this baseline" in output(result)


def test_other_json_files_are_ignored(repository: Repository) -> None:
    (repository.path / "package.json").write_text('{"schema": "another/1"}')
    (repository.path / "more.json").write_bytes(b"\xff")
    assert repository.run().ret == 0
