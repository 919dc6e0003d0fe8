"""--segprune-accept: write what was measured as the baseline, if the policy allows it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from segprune.errors import SegpruneError
from segprune.gates.baselines.writing import accept
from segprune.pytest_plugin.session import NewBaseline, Session
from segprune.records.baseline import Baseline, NetworkFacts

__all__ = ["keep", "write"]

_GATES = ("size", "proof", "accuracy", "speed")


def keep(
    session: Session,
    path: Path,
    case: str,
    gate: str,
    judged: tuple[NetworkFacts, str],
    facts: Mapping[str, Any],
) -> None:
    """Keep what a gate that passed has measured, for the baseline at `path`.

    Args:
        judged: the networks and the rule of the targets that it judged.
        facts: fields of the baseline.
    """
    new = session.new_baselines.setdefault(path, NewBaseline(case))
    new.passed.add(gate)
    new.networks.add(judged)
    if "data" in facts:
        new.images.add(facts["data"].digest)
    new.facts.update(facts)


def write(session: Session) -> None:
    """Write every baseline whose gates all passed; add a sentence on each to the problems.

    The session is red in any case: nothing is accepted and green in one run.
    """
    if not session.new_baselines:
        session.problems.append(
            "--segprune-accept: expected cases to accept, found none that the policy allows"
        )
    session.problems += [
        _obstacle(session, new) or _written(session, path, new)
        for path, new in session.new_baselines.items()
    ]


def _obstacle(session: Session, new: NewBaseline) -> str | None:
    """Return why a baseline may not be written; None if it may."""
    missing = [gate for gate in _GATES if gate not in new.passed]
    if missing:
        return (
            f"{new.case}: not written, because {', '.join(missing)} did not pass; run its tests "
            f"of {', '.join(_GATES[:-1])} and {_GATES[-1]} together"
        )
    red = [each for each in session.results if each.case == new.case and each.status != "PASS"]
    if red:
        reasons = "; ".join(f"{each.gate}: {each.status}: {each.reasons[0]}" for each in red)
        return f"{new.case}: not written, because not all gates passed: {reasons}"
    if len(new.networks) > 1 or len(new.images) > 1:
        return (
            f"{new.case}: not written, because its gates judged different networks, targets or "
            "images; let all of its tests have one marker"
        )
    return None


def _written(session: Session, path: Path, new: NewBaseline) -> str:
    """Write a baseline, and return a sentence on what became of it."""
    baseline = Baseline(case=new.case, accepted=(), **new.facts)
    try:
        written = accept(path, baseline, session.options.because)
    except SegpruneError as error:
        return str(error)
    newest = written.accepted[-1]
    because = f", lowered because: {newest.because}" if newest.lowered else ""
    return (
        f"{new.case}: written to {path.name}{because}; look at the difference, commit it, "
        "and run again without --segprune-accept (this run is red on purpose)"
    )
