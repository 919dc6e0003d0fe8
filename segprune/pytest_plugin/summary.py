"""The summary at the end of the output: one row a case, and why gates are not green."""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from typing import NamedTuple

import pytest

from segprune.format import counted
from segprune.pytest_plugin.results import ERROR, NOT_MEASURED, SKIPPED, Result
from segprune.pytest_plugin.session import Session

__all__ = ["COLUMNS", "Reason", "Row", "reasons_of", "remarks_of", "rows_of", "show", "verdict_of"]

COLUMNS = ("case", "parameters", "MACs", "mIoU (floor)", "speed-up (interval; required)", "verdict")
_WORST = (ERROR, "FAIL", "NOT_COMPARABLE", NOT_MEASURED, "INCONCLUSIVE", SKIPPED, "PASS")
_UNKNOWN = "not measured"
_RED, _ACCEPTING = "red (see segprune above)", "red on purpose (--segprune-accept)"
_UNITS = ((1e9, " G"), (1e6, " M"), (1e3, " k"), (1, ""))

Row = tuple[str, ...]


class Reason(NamedTuple):
    """Why one or several gates of a case are not green."""

    gates: str
    status: str
    text: str


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
    skipped = (SKIPPED,) if session.options.strict else (SKIPPED, "INCONCLUSIVE")
    for reason in reasons_of(session.results):
        if reason.status in skipped:  # pytest itself shows why tests fail, but not why they skip
            terminal.write_line(f"{reason.gates}: {reason.status}: {reason.text}")
    for text in remarks_of(session.results):
        terminal.write_line(text)
    for problem in session.problems:
        terminal.write_line(problem, red=True)
    if session.problems:  # pytest's own last line counts tests alone, and they may all have passed
        terminal._add_stats(_ACCEPTING if session.options.accept else _RED, session.problems)


def rows_of(results: Sequence[Result]) -> list[Row]:
    """Return one row a case, in the order in which they came first."""
    cases = list(dict.fromkeys(result.case for result in results))
    return [_row(case, [result for result in results if result.case == case]) for case in cases]


def reasons_of(results: Sequence[Result]) -> list[Reason]:
    """Return why gates are not green; a reason that several gates of a case share comes once."""
    gates: dict[tuple[str, str, str], dict[str, None]] = {}
    for result in results:
        if result.status != "PASS":
            for text in result.reasons:
                gates.setdefault((result.case, result.status, text), {})[result.gate] = None
    return [
        Reason(f"{case}, {', '.join(names)}", status, text)
        for (case, status, text), names in gates.items()
    ]


def verdict_of(results: Sequence[Result]) -> str:
    """Return the worst status of a case's gates."""
    return next(status for status in _WORST if any(r.status == status for r in results))


def remarks_of(results: Sequence[Result]) -> list[str]:
    """Return lines about other images, and about gates that require less than the policy."""
    figures = [(result.case, result.figures) for result in results]
    return [
        *(_about_other_images(case, f) for case, f in figures if "loss" in f),
        *(_share_of_speed(case, f) for case, f in figures if _gate_requires_less(f)),
    ]


def _gate_requires_less(f: dict[str, float]) -> bool:
    """Return whether a speed-up misses the policy's target, and its gate requires less."""
    promised = f.get("speedup_promised", 0)
    return f.get("speedup_low", math.inf) < promised and f["speedup_floor"] < promised


def _share_of_speed(case: str, f: dict[str, float]) -> str:
    return (
        f"{case}: the gate requires a speed-up of ×{f['speedup_floor']:g}, a share of the target "
        f"×{f['speedup_promised']:g} (gate_share in the policy); segprune report requires all "
        f"of it, and does not count at least ×{f['speedup_low']:.2f} as kept"
    )


def _about_other_images(case: str, f: dict[str, float]) -> str:
    # Against its dense file, also if the floor comes from the network trained on: only scores of
    # single images support a claim about others, and that network left a record without them.
    side = "below" if f["loss"] >= 0 else "above"
    found = f"{case}: {abs(f['loss']):.2f} points {side} its dense file on these images; "
    if f["sequences"] == f["images"]:
        taken = "each image is taken for a sequence of its own"
    else:
        taken = f"{counted(f['images'], 'image')} in {counted(f['sequences'], 'sequence')}"
    if not f["supports_claims"]:
        return found + (
            f"nothing can be said of others ({counted(f['sequences'], 'sequence')}, "
            f"{counted(f['blocks'], 'block')} of frames): that takes 2 sequences and 20 blocks; "
            f"{taken}"
        )
    return found + (
        f"on others like them at most {f['loss_high']:.2f}, at 95 % ({f['blocks']:.0f} blocks of "
        f"frames; {f['detectable']:.2f} points above a margin would be found in four of five "
        f"cases); {taken}"
    )


def _row(case: str, results: Sequence[Result]) -> Row:
    figures = {name: value for result in results for name, value in result.figures.items()}
    bad = {
        status: dict.fromkeys(result.gate for result in results if result.status == status)
        for status in _WORST[:-1]
    }
    verdict = ", ".join(f"{status} ({', '.join(gates)})" for status, gates in bad.items() if gates)
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
        verdict or "PASS",
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
