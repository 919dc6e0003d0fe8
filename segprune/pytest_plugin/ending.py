"""End a session: write what was asked for, and make it red if anything is missing."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from pathlib import Path

import pytest

from segprune.errors import SegpruneError
from segprune.pytest_plugin.baseline_files import baselines_on_disk
from segprune.pytest_plugin.command_line import asks_for_no_session, chose_among_tests, only_looks
from segprune.pytest_plugin.options import DATA_VARIABLE
from segprune.pytest_plugin.selection import collected_whole, looked_at
from segprune.pytest_plugin.session import NOT_MEASURED, SKIPPED, Result, Session

__all__ = ["finish", "was_never_judged"]

_LOST = (
    "{}: expected each worker process to report its gates at its end, found none: it ended before, "
    "and what it judged or left out is not known; run without -n to see why."
)


def finish(session: Session, config: pytest.Config, *, stopped: bool = False) -> bool:
    """Write what was accepted and what was asked for; return whether the session must be red.

    Args:
        stopped: whether a session that is red already left out tests that would have run; then
            nothing else is required.
    """
    if session.options.accept:
        from segprune.pytest_plugin.accept import write

        write(session)
    elif stopped or asks_for_no_session(config):
        session.problems.clear()  # the reason for the stop comes first
    else:
        _compare(session, config)
    if session.options.report is not None and session.results:
        from segprune.pytest_plugin.reporting import write_report

        try:
            write_report(session, session.options.report)
        except (SegpruneError, OSError) as error:
            session.problem(f"--segprune-report: expected a folder to write to, found {error}")
    return bool(session.problems)


def was_never_judged(config: pytest.Config) -> bool:
    """Return whether there are baselines, though a run stopped before its session; say so.

    `pytest.exit` with the status 0, in a conftest, does that: no hook of a session is called then.
    """
    if asks_for_no_session(config):
        return False
    unjudged = sorted(path.stem for path in baselines_on_disk(config, ()))
    if unjudged:
        sys.stderr.write(
            f"segprune: expected a session that judges {_listed(unjudged)}, found a run that "
            "stopped before it began, with the status 0; let pytest.exit in the conftest give "
            "another status.\n"
        )
    return bool(unjudged)


def _compare(session: Session, config: pytest.Config) -> None:
    """Compare what was required with the verdicts, and with the baselines on the disk."""
    looks = only_looks(config)
    if looks:
        session.problems.clear()
        session.awaited.clear()
        session.speed_required = False
    left_out, unjudged = _missing_gates(session), _unjudged(session, config)
    below = [path for path in unjudged if looked_at(config, path.parent)]
    if session.lost_workers and (session.baselines or session.results or unjudged):
        session.problem(_LOST.format(", ".join(session.lost_workers)))
        if not session.baselines:  # no process has said which baselines are judged
            below = unjudged = []
    chose = looks or chose_among_tests(config)
    for path in below:
        if chose or not collected_whole(config, path.parent):
            left_out.append(path.stem)
        else:
            session.problem(_unjudged_text(path, config.rootpath))
    if session.in_settings and session.problems:
        session.problem(
            f"settings leave tests out, which may be the reason: {', '.join(session.in_settings)}; "
            "take out of addopts, PYTEST_ADDOPTS or the file of options what leaves gates out, and "
            "type it when it is wanted."
        )
    if left_out:
        _say_left_out(session, left_out)
    outside = [path.stem for path in unjudged if path not in below]
    if outside:
        whose = "its folder is" if len(outside) == 1 else "their folders are"
        session.notes.append(
            f"not judged, because {whose} not part of this run: {_listed(outside)}; run pytest "
            "without naming folders to judge all cases"
        )
    _misspelt_data(session)


def _missing_gates(session: Session) -> list[str]:
    """Note gates without a verdict as problems; return those that a typed choice left out."""
    if session.speed_required and not any(result.gate == "speed" for result in session.results):
        session.problem(
            "speed was asked for with --benchmark-only, and no speed gate ran: nothing was measured"
        )
    for test, case in session.awaited.items():
        if test not in session.judged | session.failed:
            session.problem(
                f"{test}: expected a verdict on {case}, found none: it was skipped, or does not "
                "call its fixture, as in segprune_gate.size() or segprune_speed()"
            )
    left_out = []
    for case, gates in session.required.items():
        judged = {result.gate for result in session.results if result.case == case}
        missing = [gate for gate in gates if gate not in judged]
        if case in session.chosen:
            left_out += [f"{case} ({', '.join(missing)})"] if missing else []
            continue
        for gate in missing:
            reason = f"expected a test that judges {gate}, found none"
            session.results.append(Result(case, gate, NOT_MEASURED, (reason,), {}))
            session.problem(f"{case}, {gate}: {NOT_MEASURED} – {reason}")
    return left_out


def _unjudged(session: Session, config: pytest.Config) -> list[Path]:
    """Return the baselines that no collected test judges.

    Outside the folders of tests, a file with the name of a judged case counts as a copy.
    """
    on_disk = baselines_on_disk(config, session.folders)
    judged = set(session.baselines.values())
    others = {path for path in on_disk - judged if path.stem not in session.baselines}
    return sorted(session.unjudged - judged | others)


def _unjudged_text(path: Path, root: Path) -> str:
    place = path.parent.relative_to(root) if path.is_relative_to(root) else path.parent
    return (
        f"{path.name}: expected a test that judges this baseline, found none; it lies in {place}: "
        f"mark a test with pytest.mark.segprune({path.stem!r}, …), or run the folder of its test "
        "together with this one, or let pytest look into it (testpaths, norecursedirs, "
        "collect_ignore), or remove the file."
    )


def _say_left_out(session: Session, left_out: list[str]) -> None:
    """Report what a typed choice left out; under CI nobody reads a note, so the run is red."""
    text = f"left out by what was typed for this run: {_listed(left_out)}"
    if _under_ci() and not session.options.partial:
        session.problem(
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


def _listed(names: Iterable[str], most: int = 8) -> str:
    found = list(dict.fromkeys(names))
    more = f" and {len(found) - most} more" if len(found) > most else ""
    return ", ".join(found[:most]) + more


def _misspelt_data(session: Session) -> None:
    """Report a folder that no case asks for while a case lacks images: a name may be misspelt."""
    missing = [
        result.case
        for result in session.results
        if result.status in (SKIPPED, NOT_MEASURED) and result.gate == "accuracy"
    ]
    unused = sorted(session.options.data.keys() - session.data_asked)
    if unused and missing and session.data_asked:
        session.problems.append(
            f"--segprune-data or {DATA_VARIABLE}: expected names of the cases' data sets "
            f"({', '.join(sorted(session.data_asked))}), found {', '.join(unused)}, while "
            f"{', '.join(missing)} went without images; correct the name."
        )
