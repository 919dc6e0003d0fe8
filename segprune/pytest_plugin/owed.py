"""What a session owes: a verdict from every test of a gate, and from every case all of its gates.

A gate that never ran looks like one that passed. So what is owed is written down when tests are
collected, by each process that collects, and settled at the end (`segprune.pytest_plugin.ending`).
Only a choice that was typed for this very run – `-k`, `--deselect`, a test's id – lets a gate off.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Iterable
from pathlib import Path

import pytest

from segprune.pytest_plugin.elsewhere import is_named_elsewhere
from segprune.pytest_plugin.selection import collected_all, collected_whole, speed_wanted
from segprune.pytest_plugin.session import Session, Tests
from segprune.pytest_plugin.typed import chose_among_tests

__all__ = ["note_collected", "note_selected"]

CORRECTNESS = ("size", "proof", "accuracy")
_GATE, _SPEED = "segprune_gate", "segprune_speed"
_SCHEMA = b"segprune.baseline/"
_SIGNS = (b"segprune", b"\\")  # the word itself, or anything that may stand for one of its letters
_LARGEST = 2**24  # bytes; a baseline of a thousand images has less than a tenth of it


def note_collected(session: Session, items: Iterable[pytest.Item]) -> None:
    """Before anything is deselected, and once more after conftests had their say: whose is what."""
    for item in items:
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
                "their verdicts would be taken for each other's; give one of the cases another name"
            )
        fixtures = {_GATE, _SPEED} & set(getattr(item, "fixturenames", ()))
        tests.fixtures[item.nodeid] = fixtures
        if isinstance(marker.kwargs.get("data"), str):
            session.data_asked.add(marker.kwargs["data"])


def note_selected(session: Session, config: pytest.Config, items: Iterable[pytest.Item]) -> None:
    """After everything was deselected: which verdicts are owed."""
    only_speed = bool(config.getoption("benchmark_only", False))
    session.speed_owed = only_speed and bool(session.tests)
    selected = {item.nodeid for item in items}
    elsewhere = functools.cache(functools.partial(is_named_elsewhere, config))  # reads many files
    for case, tests in session.tests.items():
        for test, fixtures in tests.fixtures.items():
            if test in selected and (_SPEED in fixtures or (_GATE in fixtures and not only_speed)):
                session.awaited[test] = case
        if chose_among_tests(config) or not collected_whole(config, tests.folder):
            continue  # somebody chose among the tests, and knows that the others did not run
        known = set().union(*tests.fixtures.values())
        # What nothing else is known to judge would be here, had nobody removed it.
        here = known if not collected_all(config) else {_GATE, _SPEED}
        owed: list[str] = []
        if not only_speed and (_GATE in here or not elsewhere(_GATE)):
            owed += CORRECTNESS
        if speed_wanted(config, tests.folder) and (
            only_speed or _SPEED in here or not elsewhere(_SPEED)
        ):
            owed.append("speed")
        session.owed[case] = owed
    if not session.options.accept and not chose_among_tests(config):
        _note_orphans(session, config)


def _note_orphans(session: Session, config: pytest.Config) -> None:
    judged = {tests.baseline for tests in session.tests.values()}
    found = {path for path in session.json_files if collected_whole(config, path.parent)}
    if collected_all(config):  # so that whoever judges a folder outside was collected, too
        folders = {path.parent for path in judged}
        found |= {path for folder in folders for path in folder.glob("*.json")}
    # Read are only those that nobody judges: a repository may be full of other JSON.
    for path in sorted(filter(_is_baseline, {_placed(path) for path in found} - judged)):
        session.problem(
            f"{path.name}: expected a test that judges this baseline, found none; mark one with "
            f"pytest.mark.segprune({path.stem!r}, …), or run the folder of its test together with "
            "this one, or remove the file."
        )


def _is_baseline(path: Path) -> bool:
    """By its schema, however that is spelled; damaged ones by what can still be read of it."""
    try:
        with path.open("rb") as stream:
            text = stream.read(_LARGEST)
    except OSError:
        return False
    if not any(sign in text for sign in _SIGNS):
        return False
    try:
        content = json.loads(text)
    except (ValueError, RecursionError):
        return _SCHEMA in text
    schema = content.get("schema") if isinstance(content, dict) else None
    return isinstance(schema, str) and schema.startswith(_SCHEMA.decode())


def _placed(path: Path) -> Path:
    """Where it lies, whatever it is a link to."""
    return path.parent.resolve() / path.name
