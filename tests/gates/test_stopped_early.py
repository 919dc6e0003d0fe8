"""Runs in which no test failed and no gate was judged: stopped, led elsewhere, or hidden."""

from __future__ import annotations

import os

import pytest

from gates.repository import CASE, Repository, output

EXIT = "import pytest\ndef {}:\n    pytest.exit('no GPU here', returncode={})\n"
HOOKS = ("pytest_configure(config)", "pytest_sessionstart(session)")


@pytest.mark.parametrize("hook", HOOKS)
def test_a_run_that_stops_before_its_session_is_red(repository: Repository, hook: str) -> None:
    (repository.path / "conftest.py").write_text(EXIT.format(hook, 0))
    result = repository.run()
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    assert f"expected a session that judges {CASE}" in output(result)


def test_a_status_of_its_own_is_kept(repository: Repository) -> None:
    (repository.path / "conftest.py").write_text(EXIT.format(HOOKS[0], 7))
    result = repository.run()
    assert result.ret == 7
    assert "segprune" not in output(result)


def test_it_is_none_of_ours_where_there_are_no_baselines(fresh: Repository) -> None:
    (fresh.path / "conftest.py").write_text(EXIT.format(HOOKS[0], 0))
    assert fresh.run().ret == 0


@pytest.mark.parametrize("option", ["--version", "--help", "--markers", "--fixtures"])
def test_a_run_that_was_asked_to_show_something_is_green(
    repository: Repository, option: str
) -> None:
    assert repository.run(option).ret == 0


@pytest.mark.parametrize("arguments", [(), (".",)], ids=str)
def test_what_a_conftest_names_in_place_of_the_root_was_not_typed(
    repository: Repository, arguments: tuple[str, ...]
) -> None:
    (repository.path / "test_else.py").write_text("def test_ok():\n    pass\n")
    (repository.path / "conftest.py").write_text(
        "def pytest_configure(config):\n    config.args = ['test_else.py']\n"
    )
    result = repository.run(*arguments)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    assert f"{CASE}.json: expected a test that judges this baseline" in output(result)


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
