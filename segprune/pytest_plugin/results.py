"""What a gate finds, and how its verdict gets from the test to the summary of the session.

A verdict travels as a property of its test, so that it also arrives from worker processes and in
JUnit files.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from segprune.gates.verdict import Verdict
    from segprune.pytest_plugin.session import Session
    from segprune.records.baseline import Baseline

__all__ = [
    "ERROR", "NOT_MEASURED", "SKIPPED", "Figures", "Outcome", "ReadBaseline", "Result", "attach",
    "collect",
]  # fmt: skip

Figures = dict[str, float]
"""Numbers by name, for the table of the summary."""

ReadBaseline = Callable[[], "Baseline"]
"""Reads the case's baseline when a gate needs it; gates get None while a baseline is accepted."""

NOT_MEASURED, SKIPPED, ERROR = "NOT_MEASURED", "SKIPPED", "ERROR"
"""Statuses besides a verdict's: not judged though required, not judged as allowed, and broken."""

_PROPERTY = "segprune_verdict"


@dataclass(frozen=True)
class Outcome:
    """A verdict, with the figures that it follows from.

    Attributes:
        facts: fields of the baseline, for --segprune-accept.
    """

    verdict: Verdict
    figures: Figures = field(default_factory=dict)
    facts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Result:
    """A gate's verdict on a case.

    Attributes:
        gate: "size", "proof", "accuracy" or "speed".
        status: a `Status`, or one of ERROR, NOT_MEASURED and SKIPPED.
        figures: numbers by name, for the table.
    """

    case: str
    gate: str
    status: str
    reasons: tuple[str, ...]
    figures: Figures


def attach(item: pytest.Item, result: Result) -> None:
    """Attach a result to its test."""
    item.user_properties += [
        (_PROPERTY, json.dumps(asdict(result))),
        ("segprune_case", result.case),
        (f"segprune_{result.gate}", result.status),
        *((f"segprune_{name}", value) for name, value in result.figures.items()),
    ]


def collect(session: Session, report: pytest.TestReport) -> None:
    """Collect the results of a test, and report a verdict that its test does not show."""
    if report.failed:
        session.failed.add(report.nodeid)
    if report.when == "teardown":
        return
    # A report has all verdicts so far: of the fixtures that were set up, and of earlier attempts.
    already = session.collected_results.get(report.nodeid, 0)
    found = _results_of(report)[already:]
    session.collected_results[report.nodeid] = already + len(found)
    session.results += found
    if found:
        session.judged.add(report.nodeid)
    if report.failed:
        if found and all(result.status == "PASS" for result in found):
            reason = f"{report.nodeid} failed after its gate had passed"
            session.results.append(Result(found[0].case, "test", "FAIL", (reason,), {}))
        return
    harmless = {"PASS", SKIPPED} if session.options.strict else {"PASS", SKIPPED, "INCONCLUSIVE"}
    session.problems += [
        f"{result.case}, {result.gate}: {result.status}, though {report.nodeid} did not fail: an "
        "expected failure, or an error that is caught, is no way around a gate"
        for result in found
        if result.status not in harmless
    ]


def _results_of(report: pytest.TestReport) -> list[Result]:
    contents = (json.loads(str(v)) for name, v in report.user_properties if name == _PROPERTY)
    return [Result(**{**content, "reasons": tuple(content["reasons"])}) for content in contents]
