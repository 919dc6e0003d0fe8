"""The end of a session: what was asked for is written, and what is owed makes it red."""

from __future__ import annotations

from segprune.errors import SegpruneError
from segprune.pytest_plugin.options import DATA_VARIABLE
from segprune.pytest_plugin.session import NOT_MEASURED, SKIPPED, Result, Session

__all__ = ["finish"]


def finish(session: Session, *, stopped: bool = False) -> bool:
    """Write what was accepted and what was asked for; whether the session must be red.

    Args:
        stopped: whether tests were left out that would have run; then nothing else is owed.
    """
    if session.options.accept:
        from segprune.pytest_plugin.acceptance import write

        write(session)
    elif stopped:
        session.problems.clear()  # whoever stops early, or only looks, is not told of all the rest
    else:
        _settle(session)
    if session.options.report is not None and session.results:
        from segprune.pytest_plugin.reporting import write_report

        try:
            write_report(session, session.options.report)
        except (SegpruneError, OSError) as error:
            session.problem(f"--segprune-report: expected a folder to write to, found {error}")
    return bool(session.problems)


def _settle(session: Session) -> None:
    if session.speed_owed and not any(result.gate == "speed" for result in session.results):
        session.problems.append(
            "speed was asked for with --benchmark-only, and no speed gate ran: nothing was measured"
        )
    for test, case in session.awaited.items():
        if test not in session.judged | session.failed:
            session.problems.append(
                f"{test}: expected a verdict on {case}, found none: it was skipped, or does not "
                "call its fixture, as in segprune_gate.size() or segprune_speed()"
            )
    for case, gates in session.owed.items():
        judged = {result.gate for result in session.results if result.case == case}
        for gate in gates:
            if gate not in judged:
                reason = f"expected a test that judges {gate}, found none"
                session.results.append(Result(case, gate, NOT_MEASURED, (reason,), {}))
                session.problems.append(f"{case}, {gate}: {NOT_MEASURED} – {reason}")
    _misspelt_data(session)


def _misspelt_data(session: Session) -> None:
    """A folder that no case asks for, beside a case that goes without, is the same name twice."""
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
