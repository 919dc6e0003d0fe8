"""The completeness check: no gate that is required may go unjudged.

A gate that never ran looks like a gate that passed. Therefore:

- Every test that uses a gate's fixture must give a verdict. Skipping it, xfailing it or never
  calling the fixture fails the session.
- Every case must have a verdict of size, proof and accuracy, and of speed where it is asked for.
  Deleting a gate's test fails the session.
- Every baseline on the disk must be judged. Deleting or hiding its test module fails the session.
- Options on the command line may leave gates out (`-k`, `--deselect`, a file, a test's id). The
  summary names these gates, and under CI the session fails. Settings may not.
- A worker process that ends without saying what it judged fails the session.

What is required is noted when tests are collected, by each process that collects. It is compared
with the verdicts when the session ends.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Iterable
from pathlib import Path

import pytest

from segprune.format import few
from segprune.pytest_plugin.command_line import (
    chose_among_tests,
    collected_all,
    collected_part,
    collected_whole,
    in_settings,
    is_on_command_line,
    only_looks,
)
from segprune.pytest_plugin.disk_search import baselines_in, baselines_on_disk, is_used_outside_run
from segprune.pytest_plugin.results import NOT_MEASURED, Result
from segprune.pytest_plugin.selection import speed_wanted
from segprune.pytest_plugin.session import CaseTests, Session

__all__ = ["check", "listed", "note_collected", "note_required"]

_CORRECTNESS = ("size", "proof", "accuracy")
_GATE, _SPEED = "segprune_gate", "segprune_speed"
_LOST = (
    "{}: expected each worker process to report its gates at its end, found none: it ended before, "
    "and what it judged or left out is not known; run without -n to see why."
)


# ---------------------------------------------------------------- what is required


def note_collected(session: Session, items: Iterable[pytest.Item]) -> None:
    """Note the tests of each case, before any is deselected and once more after conftests."""
    for item in items:
        session.test_folders.add(item.path.parent.resolve())
        marker = item.get_closest_marker("segprune")
        if marker is None or not (marker.args or "case" in marker.kwargs):
            continue
        case = str(marker.args[0] if marker.args else marker.kwargs["case"])
        baselines = str(marker.kwargs.get("baselines", "baselines"))
        try:
            place = (item.path.parent / baselines).resolve() / f"{case}.json"
        except (OSError, RuntimeError, ValueError) as error:  # a link to itself, or no path at all
            session.add_problem(
                f"{case}: baselines: expected a folder beside the test, found {baselines!r}: "
                f"{error}"
            )
            continue
        tests = session.tests.setdefault(case, CaseTests(item.path.parent, place))
        if tests.baseline != place:
            session.add_problem(
                f"{case}: expected one baseline for this name, found {tests.baseline} and {place}: "
                "their verdicts would be confused; give one of the cases another name"
            )
        fixtures = {_GATE, _SPEED} & set(getattr(item, "fixturenames", ()))
        tests.fixtures[item.nodeid] = fixtures
        if isinstance(marker.kwargs.get("data"), str):
            session.data_names.add(marker.kwargs["data"])


def note_required(session: Session, config: pytest.Config, items: Iterable[pytest.Item]) -> None:
    """Note which tests and gates must give a verdict, after everything was deselected."""
    only_speed = is_on_command_line(config, "benchmark_only")  # settings may not leave all else out
    chose = chose_among_tests(config) or only_looks(config)
    session.speed_required = bool(config.getoption("benchmark_only", False) and session.tests)
    selected = {item.nodeid for item in items}
    session.in_settings = in_settings(config)
    # Cached, because it reads many files.
    used_outside = functools.cache(functools.partial(is_used_outside_run, config))
    for case, tests in session.tests.items():
        session.baselines[case] = tests.baseline
        for test, fixtures in tests.fixtures.items():
            if test in selected and (_SPEED in fixtures or (_GATE in fixtures and not only_speed)):
                session.required_tests[test] = case
        known = set().union(*tests.fixtures.values())
        # A gate that no other place is known to judge belongs here; its test may have been removed.
        here = known if not collected_all(config) else {_GATE, _SPEED}
        required: list[str] = []
        if not only_speed and (_GATE in here or not used_outside(_GATE)):
            required += _CORRECTNESS
        if speed_wanted(config, tests.folder) and (
            only_speed or _SPEED in here or not used_outside(_SPEED)
        ):
            required.append("speed")
        session.required_gates[case] = required
        if chose or not collected_whole(config, tests.folder):
            session.partial_cases.add(case)
    if collected_all(config):  # then the tests of folders outside were collected, too
        folders = {tests.baseline.parent for tests in session.tests.values()}
        session.json_files |= {path for folder in folders for path in folder.glob("*.json")}
    # Only files that no test judges are read: a repository may be full of other JSON.
    judged = set(session.baselines.values())
    session.unjudged_baselines = baselines_in(
        path for path in session.json_files if path.parent.resolve() / path.name not in judged
    )


# ---------------------------------------------------------------- what is missing


def check(session: Session, config: pytest.Config) -> None:
    """Compare what is required with the verdicts, and with the baselines on the disk."""
    looks = only_looks(config)
    if looks:  # no test runs, so none can give a verdict
        session.problems.clear()
        session.required_tests.clear()
        session.speed_required = False
    _require_verdicts(session)
    left_out = _require_gates(session)
    unjudged = _unjudged_baselines(session, config)
    in_this_run = [path for path in unjudged if collected_part(config, path.parent)]
    if session.lost_workers and (session.baselines or session.results or unjudged):
        session.add_problem(_LOST.format(", ".join(session.lost_workers)))
        if not session.baselines:  # no process has said which baselines are judged
            in_this_run = unjudged = []
    chose = looks or chose_among_tests(config)
    for path in in_this_run:
        if chose or not collected_whole(config, path.parent):
            left_out.append(path.stem)
        else:
            session.add_problem(_about_unjudged(path, config.rootpath))
    if session.in_settings and session.problems:
        session.add_problem(
            f"settings leave tests out, which may be the reason: {', '.join(session.in_settings)}; "
            "take out of addopts, PYTEST_ADDOPTS or the file of options what leaves gates out, and "
            "type it when it is wanted."
        )
    if left_out:
        _report_left_out(session, left_out)
    outside = [path.stem for path in unjudged if path not in in_this_run]
    if outside:
        whose = "its folder is" if len(outside) == 1 else "their folders are"
        session.notes.append(
            f"not judged, because {whose} not part of this run: {listed(outside)}; run pytest "
            "without naming folders to judge all cases"
        )


def _require_verdicts(session: Session) -> None:
    """Require a verdict from every test that runs and uses a gate's fixture."""
    if session.speed_required and not any(result.gate == "speed" for result in session.results):
        session.add_problem(
            "--benchmark-only: expected speed to be measured, found no speed gate that ran"
        )
    for test, case in session.required_tests.items():
        if test not in session.judged | session.failed:
            session.add_problem(
                f"{test}: expected a verdict on {case}, found none: it was skipped, or does not "
                "call its fixture, as in segprune_gate.size() or segprune_speed()"
            )


def _require_gates(session: Session) -> list[str]:
    """Require every gate of every case; return the gates that the command line left out."""
    left_out = []
    for case, gates in session.required_gates.items():
        judged = {result.gate for result in session.results if result.case == case}
        missing = [gate for gate in gates if gate not in judged]
        if case in session.partial_cases:
            left_out += [f"{case} ({', '.join(missing)})"] if missing else []
            continue
        for gate in missing:
            reason = f"expected a test that judges {gate}, found none"
            session.results.append(Result(case, gate, NOT_MEASURED, (reason,), {}))
            session.add_problem(f"{case}, {gate}: {NOT_MEASURED} – {reason}")
    return left_out


def _unjudged_baselines(session: Session, config: pytest.Config) -> list[Path]:
    """Return the baselines on the disk that no collected test judges.

    Outside the folders of tests, a file with the name of a judged case counts as a copy.
    """
    on_disk = baselines_on_disk(config, session.test_folders)
    judged = set(session.baselines.values())
    others = {path for path in on_disk - judged if path.stem not in session.baselines}
    return sorted(session.unjudged_baselines - judged | others)


def _about_unjudged(path: Path, root: Path) -> str:
    place = path.parent.relative_to(root) if path.is_relative_to(root) else path.parent
    return (
        f"{path.name}: expected a test that judges this baseline, found none; it lies in {place}: "
        f"mark a test with pytest.mark.segprune({path.stem!r}, …), or run the folder of its test "
        "together with this one, or let pytest look into it (testpaths, norecursedirs, "
        "collect_ignore), or remove the file."
    )


def _report_left_out(session: Session, left_out: list[str]) -> None:
    """Report the gates that the command line left out; under CI, where nobody reads notes, fail."""
    text = f"left out by the command line of this run: {listed(left_out)}"
    if _under_ci() and not session.options.partial:
        session.add_problem(
            f"{text}; under CI every gate has to be judged: name whole folders and leave -k, -m, "
            "--lf and their like out or, where another step judges the rest, type "
            "--segprune-partial"
        )
    else:
        session.notes.append(f"{text}; run pytest without it to judge all gates")


def _under_ci() -> bool:
    """Return whether this is CI, by the variables that pytest itself reads."""
    return os.environ.get("CI", "").lower() not in ("", "0", "false") or bool(
        os.environ.get("BUILD_NUMBER")
    )


def listed(names: Iterable[str], most: int = 8) -> str:
    """Return names as a list in a sentence: the first few, and how many more there are."""
    return few(list(dict.fromkeys(names)), most)
