"""--segprune-accept: what was measured becomes the baseline, where the policy allows it."""

from __future__ import annotations

from pathlib import Path

from segprune.errors import SegpruneError
from segprune.gates.baselines.writing import accept
from segprune.pytest_plugin.session import Parts, Session
from segprune.records.baseline import Baseline

__all__ = ["parts_of", "write"]

_GATES = ("size", "proof", "accuracy", "speed")


def parts_of(session: Session, path: Path, case: str) -> Parts:
    """The parts of one baseline."""
    return session.parts.setdefault(path, Parts(case))


def write(session: Session) -> None:
    """Write every baseline of which all parts were measured and allowed; say what became of each.

    The session is red in any case: nothing is accepted and green in one run.
    """
    allowed = {path: parts for path, parts in session.parts.items() if parts.passed}
    if not allowed:
        session.problems.append(
            "--segprune-accept: expected cases to accept, found none that the policy allows"
        )
    for path, parts in allowed.items():
        missing = [gate for gate in _GATES if gate not in parts.passed]
        if missing:
            session.problems.append(
                f"{parts.case}: not written, for {', '.join(missing)} did not pass; run its tests "
                f"of {', '.join(_GATES[:-1])} and {_GATES[-1]} together"
            )
            continue
        red = [
            each for each in session.results if each.case == parts.case and each.status != "PASS"
        ]
        if red:
            reasons = "; ".join(f"{each.gate}: {each.status}: {each.reasons[0]}" for each in red)
            session.problems.append(f"{parts.case}: not written, for not all went well: {reasons}")
            continue
        if len(parts.subjects) > 1 or len(parts.images) > 1:
            session.problems.append(
                f"{parts.case}: not written, for its gates judged different networks, promises or "
                "images; let all of its tests have one marker"
            )
            continue
        try:
            written = accept(
                path, Baseline(case=parts.case, accepted=(), **parts), session.options.because
            )
        except SegpruneError as error:
            session.problems.append(str(error))
            continue
        lowered = written.accepted[-1].lowered
        because = f", lowered because: {written.accepted[-1].because}" if lowered else ""
        session.problems.append(
            f"{parts.case}: written to {path.name}{because}; look at the difference, commit it, "
            "and run again without --segprune-accept (this run is red on purpose)"
        )
