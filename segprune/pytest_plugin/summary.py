"""The section at the end of the terminal's output: one row a case, and every reason for red."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence

import pytest

from segprune.pytest_plugin.session import Result, Session

__all__ = ["COLUMNS", "Row", "note", "rows_of", "show"]

COLUMNS = ("case", "parameters", "MACs", "mIoU (floor)", "speed-up (interval; owed)", "verdict")
_WORST = ("NOT_COMPARABLE", "FAIL", "NOT_MEASURED", "INCONCLUSIVE", "PASS")
_UNKNOWN = "not measured"
_UNITS = ((1e9, " G"), (1e6, " M"), (1e3, " k"), (1, ""))

Row = tuple[str, ...]


def result_from(report: pytest.TestReport) -> Result | None:
    """What a test's report carries of a gate, if anything."""
    if report.when != "call":
        return None
    for name, value in report.user_properties:
        if name == "segprune":
            content = json.loads(str(value))
            return Result(**{**content, "reasons": tuple(content["reasons"])})
    return None


def note(session: Session, report: pytest.TestReport) -> None:
    """Keep a gate's result, also one from a worker process."""
    found = result_from(report)
    if found is not None:
        session.results.append(found)


def show(terminal: pytest.TerminalReporter, session: Session) -> None:
    """Write the section, if there is anything to say."""
    if not (session.results or session.problems):
        if session.notes:
            terminal.write_line(f"segprune: {'; '.join(session.notes)}")
        return
    terminal.section("segprune", "=")
    if session.results:
        for line in _table(rows_of(session.results)):
            terminal.write_line(line)
    for text in session.notes:
        terminal.write_line(text)
    for text in claims(session.results):
        terminal.write_line(text)
    for problem in session.problems:
        terminal.write_line(problem, red=True)


def rows_of(results: Sequence[Result]) -> list[Row]:
    """One row a case, in the order in which they came first."""
    cases = list(dict.fromkeys(result.case for result in results))
    return [_row(case, [result for result in results if result.case == case]) for case in cases]


def verdict_of(results: Sequence[Result]) -> str:
    """The worst of a case's gates."""
    return next(status for status in _WORST if any(r.status == status for r in results))


def claims(results: Sequence[Result]) -> list[str]:
    """What can be said beyond the images, for each case whose accuracy was judged."""
    return [
        f"{result.case}: loses {f['loss']:.2f} points on these images; on others like them at most "
        f"{f['loss_high']:.2f}, at 95 % ({f['blocks']:.0f} blocks of frames; "
        f"{f['detectable']:.2f} points above a margin would be found in four of five cases)"
        for result in results
        if "loss" in (f := result.figures)
    ]


def _row(case: str, results: Sequence[Result]) -> Row:
    figures = {name: value for result in results for name, value in result.figures.items()}
    verdict = verdict_of(results)
    bad = [result.gate for result in results if result.status != "PASS"]
    return (
        case,
        _share(figures, "params"),
        _share(figures, "macs"),
        f"{100 * figures['miou']:.2f} ({100 * figures['miou_floor']:.2f})"
        if "miou" in figures
        else _UNKNOWN,
        f"×{figures['speedup']:.2f} ({figures['speedup_low']:.2f} – {figures['speedup_high']:.2f}; "
        f"{figures['speedup_floor']:g})"
        if "speedup" in figures
        else _UNKNOWN,
        f"{verdict} ({', '.join(dict.fromkeys(bad))})" if bad else verdict,
    )


def _share(figures: dict[str, float], name: str) -> str:
    if name not in figures:
        return _UNKNOWN
    count, unit = next((n, u) for n, u in _UNITS if figures[name] >= n or n == 1)
    share = figures[name] / figures[f"dense_{name}"]
    return f"{figures[name] / count:.3g}{unit} ({share:.0%})"


def _table(rows: Sequence[Row]) -> list[str]:
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table

    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for column in COLUMNS:
        table.add_column(column, no_wrap=column != COLUMNS[-1])
    for row in rows:
        table.add_row(*row)
    stream = io.StringIO()
    width = max(Console().width, 120)
    Console(file=stream, width=width, color_system=None).print(table)
    return stream.getvalue().rstrip().splitlines()
