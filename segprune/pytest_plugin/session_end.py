"""The end of a session: write baselines and reports, check completeness, decide on red."""

from __future__ import annotations

import sys

import pytest

from segprune.errors import SegpruneError
from segprune.pytest_plugin import completeness
from segprune.pytest_plugin.command_line import asks_for_no_session
from segprune.pytest_plugin.disk_search import baselines_on_disk
from segprune.pytest_plugin.options import DATA_VARIABLE
from segprune.pytest_plugin.results import NOT_MEASURED, SKIPPED
from segprune.pytest_plugin.session import Session

__all__ = ["finish", "no_session_judged"]


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
        completeness.check(session, config)
        _warn_of_unused_data(session)
    if session.options.report is not None and session.results:
        from segprune.pytest_plugin.json_report import write_report

        try:
            write_report(session, session.options.report)
        except (SegpruneError, OSError) as error:
            session.add_problem(f"--segprune-report: expected a folder to write to, found {error}")
    return bool(session.problems)


def no_session_judged(config: pytest.Config) -> bool:
    """Return whether a run stopped before its session though there are baselines; write why.

    `pytest.exit` with the status 0, in a conftest, does that: no hook of a session is called then.
    """
    if asks_for_no_session(config):
        return False
    unjudged = sorted(path.stem for path in baselines_on_disk(config, ()))
    if unjudged:
        sys.stderr.write(
            f"segprune: expected a session that judges {completeness.listed(unjudged)}, found a "
            "run that stopped before it began, with the status 0; let pytest.exit in the conftest "
            "give another status.\n"
        )
    return bool(unjudged)


def _warn_of_unused_data(session: Session) -> None:
    """Report a --segprune-data folder that is unused while a case lacks its data.

    The two names probably differ by a typo.
    """
    missing = [
        result.case
        for result in session.results
        if result.status in (SKIPPED, NOT_MEASURED) and result.gate == "accuracy"
    ]
    unused = sorted(session.options.data.keys() - session.data_names)
    if unused and missing and session.data_names:
        session.problems.append(
            f"--segprune-data or {DATA_VARIABLE}: expected names of the cases' data sets "
            f"({', '.join(sorted(session.data_names))}), found {', '.join(unused)}, while "
            f"{', '.join(missing)} went without images; correct the name."
        )
