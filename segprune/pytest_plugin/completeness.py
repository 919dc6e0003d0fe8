"""The completeness check: every test of a gate gives a verdict, every case has all its gates.

A gate that never ran looks like one that passed. So what is required is written down when tests are
collected, by each process that collects, and compared at the end (`segprune.pytest_plugin.ending`)
with the verdicts and with the baselines on the disk. What a choice that was typed for this very run
leaves out – `-k`, `--deselect`, a file, a test's id – is reported, and fails the run under CI.
Anything else that is missing fails it everywhere.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable

import pytest

from segprune.pytest_plugin.baseline_files import baselines_in
from segprune.pytest_plugin.command_line import (
    chose_among_tests,
    in_settings,
    is_typed,
    only_looks,
)
from segprune.pytest_plugin.elsewhere import is_named_elsewhere
from segprune.pytest_plugin.selection import collected_all, collected_whole, speed_wanted
from segprune.pytest_plugin.session import Session, Tests

__all__ = ["note_collected", "note_selected"]

CORRECTNESS = ("size", "proof", "accuracy")
_GATE, _SPEED = "segprune_gate", "segprune_speed"


def note_collected(session: Session, items: Iterable[pytest.Item]) -> None:
    """Note the tests of each case, before any is deselected and once more after conftests."""
    for item in items:
        session.folders.add(item.path.parent.resolve())
        marker = item.get_closest_marker("segprune")
        if marker is None or not (marker.args or "case" in marker.kwargs):
            continue
        case = str(marker.args[0] if marker.args else marker.kwargs["case"])
        baselines = str(marker.kwargs.get("baselines", "baselines"))
        try:
            place = (item.path.parent / baselines).resolve() / f"{case}.json"
        except (OSError, RuntimeError, ValueError) as error:  # a link to itself, or no path at all
            session.problem(
                f"{case}: baselines: expected a folder beside the test, found {baselines!r}: "
                f"{error}"
            )
            continue
        tests = session.tests.setdefault(case, Tests(item.path.parent, place))
        if tests.baseline != place:
            session.problem(
                f"{case}: expected one baseline for this name, found {tests.baseline} and {place}: "
                "their verdicts would be confused; give one of the cases another name"
            )
        fixtures = {_GATE, _SPEED} & set(getattr(item, "fixturenames", ()))
        tests.fixtures[item.nodeid] = fixtures
        if isinstance(marker.kwargs.get("data"), str):
            session.data_asked.add(marker.kwargs["data"])


def note_selected(session: Session, config: pytest.Config, items: Iterable[pytest.Item]) -> None:
    """Note which verdicts are required, after everything was deselected."""
    only_speed = is_typed(config, "benchmark_only")  # only a typed option may leave all else out
    chose = chose_among_tests(config) or only_looks(config)
    session.speed_required = bool(config.getoption("benchmark_only", False) and session.tests)
    selected = {item.nodeid for item in items}
    session.in_settings = in_settings(config)
    elsewhere = functools.cache(functools.partial(is_named_elsewhere, config))  # reads many files
    for case, tests in session.tests.items():
        session.baselines[case] = tests.baseline
        for test, fixtures in tests.fixtures.items():
            if test in selected and (_SPEED in fixtures or (_GATE in fixtures and not only_speed)):
                session.awaited[test] = case
        known = set().union(*tests.fixtures.values())
        # A gate that no other place is known to judge belongs here; its test may have been removed.
        here = known if not collected_all(config) else {_GATE, _SPEED}
        required: list[str] = []
        if not only_speed and (_GATE in here or not elsewhere(_GATE)):
            required += CORRECTNESS
        if speed_wanted(config, tests.folder) and (
            only_speed or _SPEED in here or not elsewhere(_SPEED)
        ):
            required.append("speed")
        session.required[case] = required
        if chose or not collected_whole(config, tests.folder):
            session.chosen.add(case)
    if collected_all(config):  # then the tests of folders outside were collected, too
        folders = {tests.baseline.parent for tests in session.tests.values()}
        session.json_files |= {path for folder in folders for path in folder.glob("*.json")}
    # Only files that no test judges are read: a repository may be full of other JSON.
    judged = set(session.baselines.values())
    session.unjudged = baselines_in(
        path for path in session.json_files if path.parent.resolve() / path.name not in judged
    )
