"""Worker processes require and report the same as one process."""

from __future__ import annotations

import shutil
from types import SimpleNamespace
from typing import Any

import pytest

from pytest_plugin.repository import (
    CASE,
    GREEN,
    LEFT_OUT,
    RED,
    Repository,
    output,
    table_row,
    without_tests,
)
from segprune.pytest_plugin.hooks import pytest_testnodedown


@pytest.mark.slow
def test_workers_require_what_one_process_requires(repository: Repository) -> None:
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


def test_a_worker_that_ends_without_its_report_is_red(repository: Repository) -> None:
    """The test reports a lost worker as pytest-xdist does."""

    class Ended:
        """A plugin of the inner session that reports a lost worker."""

        def pytest_sessionfinish(self, session: pytest.Session) -> None:
            node: Any = SimpleNamespace(config=session.config, gateway=SimpleNamespace(id="gw7"))
            pytest_testnodedown(node)

    result = repository.pytester.runpytest_inprocess("--benchmark-only", plugins=[Ended()])
    assert result.ret == RED
    assert "worker gw7: expected each worker process to report its gates" in output(result)
    shutil.rmtree(repository.path / "baselines")
    (repository.path / "test_gates.py").write_text("def test_ok():\n    pass\n")
    assert repository.pytester.runpytest_inprocess(plugins=[Ended()]).ret == GREEN


@pytest.mark.slow
@pytest.mark.parametrize("gate", ["", "segprune_gate.proof()"], ids=["judged", "not called"])
def test_workers_that_die_as_they_end_are_red(repository: Repository, gate: str) -> None:
    if gate:
        repository.edit(gate, "pass")
    (repository.path / "conftest.py").write_text(
        "import os\ndef pytest_sessionfinish(session):\n"
        "    if hasattr(session.config, 'workerinput'):\n        os._exit(0)\n"
    )
    result = repository.pytester.runpytest_subprocess("-n", "1", "--max-worker-restart", "0")
    assert result.ret == RED
    assert "worker gw0: expected each worker process to report its gates" in output(result)
    assert "expected a test that judges this baseline" not in output(result)


@pytest.mark.slow
def test_what_was_typed_is_known_beside_workers(
    repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CI", "true")
    result = repository.pytester.runpytest_subprocess("-n", "1", "-k", "size")
    assert result.ret == RED
    assert f"{LEFT_OUT}{CASE} (proof, accuracy); under CI" in output(result)


@pytest.mark.slow
def test_worker_processes_judge_accuracy_and_refuse_speed(repository: Repository) -> None:
    result = repository.pytester.runpytest_subprocess("-n", "2", "-k", "size or accuracy")
    assert result.ret == 0
    assert table_row(result).rstrip().endswith("PASS")
    result = repository.pytester.runpytest_subprocess("-n", "1", "test_gates.py::test_speed")
    assert result.ret == 1
    assert "NOT_MEASURED though it is required" in output(result)
    assert "NOT_MEASURED (speed)" in table_row(result)
