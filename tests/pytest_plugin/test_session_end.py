"""A run that stops early or is led to other tests is red where there are baselines."""

from __future__ import annotations

import pytest

from pytest_plugin.repository import CASE, RED, Repository, output

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


def test_it_is_allowed_where_there_are_no_baselines(fresh: Repository) -> None:
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


def test_a_session_that_is_asked_to_stop_at_its_end_is_judged(
    repository: Repository,
) -> None:
    repository.edit("segprune_gate.accuracy()", "pass")
    (repository.path / "conftest.py").write_text(
        "def pytest_sessionfinish(session):\n    session.shouldstop = 'time is up'\n"
    )
    assert repository.run().ret == RED


def test_a_session_that_stops_early_says_only_why(repository: Repository) -> None:
    repository.edit('"macs": 0.6', '"macs": 0.4')
    result = repository.run("-x")
    assert result.ret == RED
    assert "expected a test that judges" not in output(result)


def test_another_module_that_does_not_load_is_reported_alone(repository: Repository) -> None:
    (repository.path / "test_else.py").write_text("import nothing_of_this_name\n")
    result = repository.run()
    assert result.ret == pytest.ExitCode.INTERRUPTED
    assert "expected a verdict" not in output(result)
