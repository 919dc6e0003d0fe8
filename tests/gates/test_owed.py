"""Gates that do not run: each of these was green once, and says now what is owed."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from gates.repository import CASE, Repository, another_case, output, table_row, without_tests

RED = pytest.ExitCode.TESTS_FAILED


# ---------------------------------------------------------------- tests that give no verdict


@pytest.mark.parametrize("gate", ["size", "proof", "accuracy"])
def test_a_fixture_that_is_not_called_is_no_verdict(repository: Repository, gate: str) -> None:
    repository.edit(f"segprune_gate.{gate}()", f"segprune_gate.{gate}")
    result = repository.run()
    result.assert_outcomes(passed=3, deselected=1)
    assert result.ret == RED
    assert f"test_gates.py::test_{gate}: expected a verdict on {CASE}, found none" in output(result)
    assert f"NOT_MEASURED ({gate})" in table_row(result)


def test_a_speed_fixture_that_is_not_called_is_no_verdict(repository: Repository) -> None:
    repository.edit("segprune_speed()", "segprune_speed._benchmark(lambda: None)")
    assert repository.run("test_gates.py").ret == RED
    assert repository.run("--benchmark-only").ret == RED


@pytest.mark.parametrize("gate", ["size", "proof", "accuracy"])
def test_a_deleted_test_is_missed(repository: Repository, gate: str) -> None:
    without_tests(repository.path / "test_gates.py", gate)
    result = repository.run()
    result.assert_outcomes(passed=2, deselected=1)
    assert result.ret == RED
    assert f"{CASE}, {gate}: NOT_MEASURED – expected a test that judges {gate}" in output(result)
    report = repository.run("--segprune-report", "out")
    assert report.ret == RED
    cases = json.loads((repository.path / "out/segprune.json").read_text())["cases"]
    assert cases[CASE]["verdict"] == "NOT_MEASURED"


def test_a_deleted_test_of_speed_is_missed_in_one_case_of_two(repository: Repository) -> None:
    module = another_case(repository)
    assert repository.run("--benchmark-only").ret == 0
    without_tests(module, "speed")
    result = repository.run("--benchmark-only")
    assert result.ret == RED
    assert "other-half, speed: NOT_MEASURED" in output(result)
    assert repository.run("--benchmark-only", "test_gates.py").ret == 0


@pytest.mark.parametrize("mark", ["skip", "skipif(True, reason='-')", "xfail(run=False)"])
def test_a_test_that_is_skipped_is_no_verdict(repository: Repository, mark: str) -> None:
    repository.edit("def test_size", f"@pytest.mark.{mark}\ndef test_size")
    result = repository.run()
    assert result.ret == RED
    assert "test_gates.py::test_size: expected a verdict" in output(result)


@pytest.mark.parametrize("strict", ["", "strict=True"])
def test_an_expected_failure_is_no_way_around(repository: Repository, strict: str) -> None:
    repository.edit("def test_size", f"@pytest.mark.xfail({strict})\ndef test_size")
    repository.edit('"macs": 0.6', '"macs": 0.4')
    result = repository.run()
    assert result.ret == RED
    assert f"{CASE}, size: FAIL, though test_gates.py::test_size did not fail" in output(result)


def test_a_failure_that_is_caught_is_no_way_around(repository: Repository) -> None:
    repository.edit(
        "    segprune_gate.size()",
        "    try:\n        segprune_gate.size()\n    except BaseException:\n        pass",
    )
    repository.edit('"macs": 0.6', '"macs": 0.4')
    result = repository.run("-k", "size")
    result.assert_outcomes(passed=1, deselected=3)
    assert result.ret == RED


def test_inconclusive_is_not_talked_away_when_strict(repository: Repository) -> None:
    repository.ratio = 1.5
    repository.edit("def test_speed", "@pytest.mark.xfail\ndef test_speed")
    assert repository.run("test_gates.py").ret == 0
    assert repository.run("test_gates.py", "--segprune-strict").ret == RED


# ---------------------------------------------------------------- what somebody chose is theirs


@pytest.mark.parametrize(
    "arguments",
    [
        ("-k", "size"), ("--deselect", "test_gates.py::test_proof"), ("-m", "segprune"),
        ("test_gates.py::test_size",), ("--collect-only",), ("--lf",), ("-x",),
        ("test_gates.py", "-k", "not speed"),
    ],
    ids=" ".join,
)  # fmt: skip
def test_a_choice_among_the_tests_is_green(
    repository: Repository, arguments: tuple[str, ...]
) -> None:
    assert repository.run(*arguments).ret == 0


def test_the_last_failed_test_alone_is_green_once_it_is_mended(repository: Repository) -> None:
    another_case(repository)
    repository.edit('"macs": 0.6', '"macs": 0.4')
    assert repository.run().ret == RED
    repository.edit('"macs": 0.4', '"macs": 0.6')
    again = repository.run("--lf")
    again.assert_outcomes(passed=3)
    assert again.ret == 0


def test_a_session_that_stops_early_says_only_why(repository: Repository) -> None:
    repository.edit('"macs": 0.6', '"macs": 0.4')
    result = repository.run("-x")
    assert result.ret == RED
    assert "expected a test that judges" not in output(result)


# ---------------------------------------------------------------- baselines that nothing judges


@pytest.mark.parametrize(
    "workers", [0, pytest.param(2, marks=pytest.mark.slow)], ids=["alone", "side by side"]
)
def test_a_baseline_whose_module_was_deleted_is_missed(
    repository: Repository, workers: int
) -> None:
    folder = repository.path / "deep"
    folder.mkdir()
    moved = folder / "baselines"
    moved.mkdir()
    shutil.copy(repository.baseline, moved / "lost.json")
    if workers:
        result = repository.pytester.runpytest_subprocess("-n", str(workers))
    else:
        result = repository.run()
    assert result.ret == RED
    assert output(result).count("lost.json: expected a test that judges this baseline") == 1


@pytest.mark.slow
def test_workers_owe_what_one_process_owes(repository: Repository) -> None:
    whole = repository.pytester.runpytest_subprocess("-n", "2")
    assert whole.ret == 0
    without_tests(repository.path / "test_gates.py", "proof")
    result = repository.pytester.runpytest_subprocess("-n", "2")
    assert result.ret == RED
    assert f"{CASE}, proof: NOT_MEASURED" in output(result)


def test_a_variable_of_xdist_s_does_not_make_a_worker(
    repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTEST_XDIST_WORKER", "gw0")
    repository.baseline.rename(repository.baseline.with_name("other.json"))
    assert "other.json: expected a test" in output(repository.run())


def test_other_json_is_none_of_ours(repository: Repository) -> None:
    (repository.path / "package.json").write_text('{"schema": "another/1"}')
    (repository.path / "more.json").write_bytes(b"\xff")
    assert repository.run().ret == 0


def test_a_folder_named_in_another_way_is_the_same(repository: Repository) -> None:
    repository.edit("budget=", 'baselines="../" + __file__.split("/")[-2] + "/baselines", budget=')
    assert repository.run().ret == 0


def test_a_path_through_a_link_asks_for_speed_like_any_other(
    repository: Repository, tmp_path: Path
) -> None:
    inner = repository.path / "inner"
    inner.mkdir()
    for name in ("test_gates.py", "half.safetensors", "baselines"):
        shutil.move(repository.path / name, inner / name)
    (repository.path / "link").symlink_to(inner)
    result = repository.run("link/test_gates.py")
    result.assert_outcomes(passed=4)
