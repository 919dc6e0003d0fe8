"""segprune as a pytest plugin: gates for a pruned network, in about ten lines.

    pytestmark = pytest.mark.segprune("mine-half", dense=make_network, artifact="half.safetensors",
                                      data="camvid", budget="macs50")

    def test_size(segprune_gate): segprune_gate.size()
    def test_accuracy(segprune_gate): segprune_gate.accuracy()
    def test_speed(segprune_speed): segprune_speed()

Loading this module imports nothing heavy: it is loaded in every session of its environment.
"""

from __future__ import annotations

from typing import Any

import pytest

from segprune.pytest_plugin import options, recording, selection, summary
from segprune.pytest_plugin.session import Session, session_of

__all__: list[str] = []


def pytest_addoption(parser: pytest.Parser) -> None:
    options.add(parser)


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers",
        "segprune(case, dense, artifact, data, budget, …): what the fixtures segprune_gate and "
        "segprune_speed judge; see the README of segprune.",
    )
    session = Session(options.read(config))
    config.stash[Session.KEY] = session
    config.pluginmanager.register(_Reports(session), "segprune-reports")


class _Reports:
    """Hears of every report; the hook itself is not told to which session a report belongs."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        summary.note(self._session, report)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    selection.note_cases(session_of(config), config, items)
    selection.leave_out_speed(session_of(config), config, items)


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    if hasattr(session.config, "workerinput"):
        return  # the process that collects the workers' results has the last word
    found = session_of(session.config)
    if found.finish() and session.exitstatus in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    summary.show(terminalreporter, session_of(config))


@pytest.hookimpl(optionalhook=True)
def pytest_benchmark_update_json(config: pytest.Config, output_json: dict[str, Any]) -> None:
    recording.split_rows(session_of(config).comparisons, output_json)


@pytest.fixture
def segprune_gate(request: pytest.FixtureRequest) -> Any:
    """Judges the case of the test's `segprune` marker: `.size()`, `.proof()`, `.accuracy()`."""
    from segprune.pytest_plugin.gate import Gate

    return Gate(request)


@pytest.fixture
def segprune_speed(request: pytest.FixtureRequest, benchmark: Any) -> Any:
    """Measures and judges the speed of the case of the test's `segprune` marker when called."""
    from segprune.pytest_plugin.speed_gate import SpeedGate

    return SpeedGate(request, benchmark)
