"""--segprune-accept: what was measured becomes the baseline, where the policy allows it."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import Any

from segprune.baselines.record import Baseline
from segprune.baselines.writing import accept
from segprune.errors import SegpruneError
from segprune.pytest_plugin.session import Session

__all__ = ["Parts", "parts_of", "write"]

_NEEDED = tuple(field.name for field in fields(Baseline) if field.name not in ("case", "accepted"))


class Parts(dict[str, Any]):
    """What is known of a baseline that is to be: facts by the names of its fields."""

    def __init__(self, case: str) -> None:
        super().__init__()
        self.case = case


def parts_of(session: Session, path: Path, case: str) -> Parts:
    """The parts of one baseline."""
    return session.parts.setdefault(path, Parts(case))


def write(session: Session) -> None:
    """Write every baseline of which all parts were measured and allowed; say what became of each.

    The session is red in any case: nothing is accepted and green in one run.
    """
    if not session.parts:
        session.problems.append(
            "--segprune-accept: expected cases to accept, found none that the policy allows"
        )
    for path, parts in session.parts.items():
        missing = [name for name in _NEEDED if name not in parts]
        if missing:
            session.problems.append(
                f"{parts.case}: not written, for {', '.join(missing)} could not be accepted; run "
                "its tests of size, accuracy and speed together"
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
            "and run again without --segprune-accept"
        )
