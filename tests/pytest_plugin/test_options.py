"""Options that mean nothing, or contradict each other, are refused."""

from __future__ import annotations

import pytest

from pytest_plugin.repository import Repository, output


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["--because", "text"], "--segprune-accept"),
        (["--segprune-data", "camvid"], "NAME=PATH"),
        (["--segprune-data", "=x"], "NAME=PATH"),
    ],
)
def test_options_that_mean_nothing_are_refused(
    pytester: pytest.Pytester, arguments: list[str], named: str
) -> None:
    result = pytester.runpytest_inprocess(*arguments)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert named in output(result)


def test_accepting_takes_one_process(repository: Repository) -> None:
    result = repository.pytester.runpytest_inprocess("--segprune-accept", "-n", "2")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert "expected one process" in output(result)


def test_a_report_in_place_of_a_file_is_refused_before_anything_runs(
    repository: Repository,
) -> None:
    (repository.path / "taken").write_text("")
    result = repository.run("--segprune-report", "taken")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
