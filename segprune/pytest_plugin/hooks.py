"""The hooks and fixtures that pytest calls; each delegates to the module of its feature.

This module imports nothing heavy, because pytest loads it in every session of its environment.
"""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

from segprune.pytest_plugin import (
    benchmark_rows,
    completeness,
    options,
    results,
    selection,
    session_end,
    summary,
)
from segprune.pytest_plugin.command_line import require_a_session
from segprune.pytest_plugin.session import Session, is_worker, session_of

__all__: list[str] = []


def pytest_addoption(parser: pytest.Parser) -> None:
    options.add(parser)


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers",
        "segprune(case, dense, artifact, data, budget, …): what the fixtures segprune_gate and "
        "segprune_speed judge; see docs/gate.md of segprune.",
    )
    session = Session(options.read(config))
    config.stash[Session.KEY] = session
    config.pluginmanager.register(_Reports(session), "segprune-reports")


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_cmdline_main(config: pytest.Config) -> Generator[None, Any, Any]:
    require_a_session(config)
    status = yield
    own = config.stash.get(Session.KEY, None)  # a conftest may stop before we are configured
    ended = own is not None and own.ended
    if status == pytest.ExitCode.OK and not ended and session_end.no_session_judged(config):
        return pytest.ExitCode.TESTS_FAILED
    return status


class _Reports:
    """Takes every report; the hook itself does not say to which session a report belongs."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        results.collect(self._session, report)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    completeness.note_collected(session_of(config), items)
    selection.leave_out_speed(session_of(config), config, items)


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> None:
    if file_path.suffix == ".json":
        session_of(parent.config).json_files.add(file_path)


def pytest_collection_finish(session: pytest.Session) -> None:
    own = session_of(session.config)
    completeness.note_collected(own, session.items)  # markers may have been added since
    completeness.note_required(own, session.config, session.items)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Merge the message of a finished worker process, which collected the tests."""
    own = session_of(node.config)
    message = getattr(node, "workeroutput", {}).get("segprune")
    if message is None:
        own.lost_workers.append(f"worker {node.gateway.id}")
    else:
        own.merge(message)


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    own = session_of(session.config)
    own.ended = True
    if is_worker(session.config):
        session.config.workeroutput["segprune"] = own.to_message()  # type: ignore[attr-defined]
        return  # the process that collects the workers' results decides
    green = (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED)
    stopped = bool(session.shouldstop or session.shouldfail)
    failed = exitstatus == pytest.ExitCode.TESTS_FAILED
    red = session_end.finish(
        own, session.config, stopped=exitstatus not in green and (stopped or not failed)
    )
    if red and (failed or exitstatus in green):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    summary.show(terminalreporter, session_of(config))


@pytest.hookimpl(optionalhook=True)
def pytest_benchmark_update_json(config: pytest.Config, output_json: dict[str, Any]) -> None:
    benchmark_rows.split_rows(session_of(config).comparisons, output_json)


@pytest.fixture
def segprune_gate(request: pytest.FixtureRequest) -> Any:
    """Judges the case of the test's `segprune` marker: `.size()`, `.proof()`, `.accuracy()`."""
    from segprune.pytest_plugin.gate import Gate

    return Gate(request)


@pytest.fixture
def segprune_speed(request: pytest.FixtureRequest, benchmark: Any) -> Any:
    """Measures and judges the speed of the case of the test's `segprune` marker when called."""
    from segprune.pytest_plugin.gate_speed import SpeedGate

    return SpeedGate(request, benchmark)
