"""--segprune-report: the results as JSON, and as Markdown for the summary of a CI job."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

from segprune.pytest_plugin.session import Session
from segprune.pytest_plugin.summary import COLUMNS, reasons_of, remarks_of, rows_of, verdict_of
from segprune.records.environment import environment
from segprune.records.io import write_atomic

__all__ = ["write_report"]

SCHEMA = "segprune.gates/1"


def write_report(session: Session, folder: Path) -> None:
    """Write `segprune.json` and `segprune.md`.

    Raises:
        ArtifactError: they cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    cases = list(dict.fromkeys(result.case for result in session.results))
    content = {
        "schema": SCHEMA,
        "cases": {
            case: {
                "verdict": verdict_of([r for r in session.results if r.case == case]),
                "gates": [asdict(r) for r in session.results if r.case == case],
            }
            for case in cases
        },
        "problems": session.problems,
        "notes": session.notes,
        "environment": asdict(environment()),
    }
    text = json.dumps(content, indent=2, allow_nan=False, default=dict) + "\n"
    write_atomic(folder / "segprune.json", text)
    write_atomic(folder / "segprune.md", _markdown(session))


def _markdown(session: Session) -> str:
    lines = [
        "### segprune", "",
        f"| {' | '.join(COLUMNS)} |",
        f"|{' --- |' * len(COLUMNS)}",
    ]  # fmt: skip
    lines += [f"| {' | '.join(row)} |" for row in rows_of(session.results)]
    reasons = [
        f"- **{reason.gates}: {reason.status}** – {reason.text}"
        for reason in reasons_of(session.results)
    ]
    reasons += [f"- {problem}" for problem in session.problems]
    remarks = [*session.notes, *remarks_of(session.results)]
    for part in (reasons, remarks):
        if part:
            lines += ["", *part] if part is reasons else ["", *(f"{text}  " for text in part)]
    return "\n".join(lines) + "\n"
