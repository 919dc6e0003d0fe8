"""The plugin in a user's repository: what it skips for want of data or certainty, and says."""

from __future__ import annotations

import pytest

from pytest_plugin.repository import Repository, output, table_row


def test_a_session_without_gates_shows_nothing_of_the_plugin(pytester: pytest.Pytester) -> None:
    pytester.makepyfile("def test_nothing():\n    pass")
    for arguments in ([], ["-p", "no:cacheprovider"], ["-p", "no:benchmark"]):
        result = pytester.runpytest_inprocess("-W", "error", *arguments)
        result.assert_outcomes(passed=1)
        assert "segprune:" not in output(result).replace("plugins: segprune-", "")
    assert pytester.runpytest_inprocess(pytester.mkdir("empty")).ret == 5


def test_selection_by_keyword_and_no_cache_work(repository: Repository) -> None:
    result = repository.run("-k", "size", "-p", "no:cacheprovider")
    assert result.ret == 0
    result.assert_outcomes(passed=1, deselected=3)


def test_inconclusive_is_skipped_with_its_reason_and_red_when_strict(
    repository: Repository,
) -> None:
    repository.ratio = 1.5
    usual = repository.run("test_gates.py")
    usual.assert_outcomes(passed=3, skipped=1)
    assert "speed: INCONCLUSIVE" in output(usual)
    assert "INCONCLUSIVE (speed)" in table_row(usual)
    strict = repository.run("test_gates.py", "--segprune-strict")
    assert strict.ret == 1
    strict.assert_outcomes(passed=3, failed=1)
    assert [output(run).count("to decide; give it more") for run in (usual, strict)] == [1, 1]


def test_missing_data_is_skipped_with_the_option_that_names_it(
    repository: Repository,
) -> None:
    repository.edit("data=scenes", 'data="camvid"')
    repository.change(lambda c: c["data"].update(name="camvid"))
    result = repository.run("-k", "accuracy")
    result.assert_outcomes(skipped=1, deselected=3)
    assert "--segprune-data camvid=PATH" in output(result)


def test_the_environment_may_name_the_folder_of_the_data(
    repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SEGPRUNE_DATA", f"camvid={repository.path / 'nowhere'}")
    repository.edit("data=scenes", 'data="camvid"')
    result = repository.run("-k", "accuracy")
    result.assert_outcomes(failed=1, deselected=3)
    assert "nowhere" in output(result)
