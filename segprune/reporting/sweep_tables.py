"""Tables of a sweep: every strategy at every budget, and the cells that were trained."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

from segprune.format import NOTHING, budget_words, points, signed, table, times_range
from segprune.records.sweep import RECOVERIES
from segprune.reporting.sweep_points import Point, Strategy, Sweep, speedup

__all__ = ["failures", "miou_table", "speedup_table", "trained_cells"]

Budget = tuple[str, float]
Column = TypeVar("Column")

UNTRAINED, TRAINED = RECOVERIES[:2], RECOVERIES[2:]


def miou_table(sweep: Sweep, network: str) -> list[str]:
    """Return the mIoU of every strategy at every budget, without training; best in bold."""
    found = {(p.strategy, (p.budget, p.recovery)): p for p in sweep.points if p.network == network}
    columns = [
        (budget, recovery)
        for budget in sweep.budgets
        for recovery in UNTRAINED
        if any(place == (budget, recovery) for _, place in found)
    ]
    heads = [f"{budget_words(budget)}, {recovery}" for budget, recovery in columns]
    return _by_strategy(
        sweep, found, columns, heads, _miou,
        lambda p: round(100 * p.miou, 1) if p.mious else None,
    )  # fmt: skip


def speedup_table(sweep: Sweep, network: str) -> list[str]:
    """Return the paired speed-ups of every strategy at every budget; empty if none was measured."""
    found: dict[tuple[Strategy, Budget], Point] = {}
    for point in sweep.points:
        if point.network == network and point.speed is not None:
            found.setdefault((point.strategy, point.budget), point)
    columns = [b for b in sweep.budgets if any(budget == b for _, budget in found)]
    if not columns:
        return []
    return _by_strategy(
        sweep, found, columns, list(map(budget_words, columns)),
        lambda p: times_range(p.speed.speed if p and p.speed else None), speedup,
    )  # fmt: skip


def _by_strategy(
    sweep: Sweep, found: Mapping[tuple[Strategy, Column], Point], columns: Sequence[Column],
    heads: Sequence[str], text: Callable[[Point | None], str],
    value: Callable[[Point], float | None],
) -> list[str]:  # fmt: skip
    """Return a table with a line for each strategy that has a point, best of each column bold."""
    rows = []
    for strategy in sweep.strategies:
        if not any(of == strategy for of, _ in found):
            continue
        cells = []
        for column in columns:
            point = found.get((strategy, column))
            others = [value(p) for (_, place), p in found.items() if place == column]
            best = max((other for other in others if other is not None), default=None)
            bold = point is not None and best is not None and value(point) == best
            cells.append(f"**{text(point)}**" if bold else text(point))
        rows.append([strategy.importance, strategy.scope, *cells])
    return table(("importance", "scope", *heads), rows, words=(0, 1))


def trained_cells(sweep: Sweep, dense: Mapping[str, float]) -> list[str]:
    """Return the strategies that were fine-tuned, with every way to recover side by side."""
    recoveries = sweep.recoveries
    if not any(recovery in TRAINED for recovery in recoveries):
        return []
    places = dict.fromkeys(
        (p.network, p.budget, p.strategy) for p in sweep.points if p.recovery in TRAINED
    )
    rows = []
    for network, budget, strategy in places:
        found = {
            p.recovery: p
            for p in sweep.points
            if (p.network, p.budget, p.strategy) == (network, budget, strategy)
        }
        last = [p for r in TRAINED if (p := found.get(r)) is not None and p.mious]
        best = max((p.miou for p in last), default=None)
        some = last[0] if last else next(iter(found.values()))
        rows.append([
            network,
            budget_words(budget),
            str(strategy),
            *(_miou(found.get(recovery)) for recovery in recoveries),
            signed(None if best is None else 100 * (best - dense[network]), 2),
            f"{100 * some.params:.1f} %" if some.mious else NOTHING,
            times_range(some.speed.speed if some.speed else None),
        ])  # fmt: skip
    header = (
        "network", "budget", "strategy", *recoveries, "best against dense", "parameters",
        "speed-up (95 %)",
    )  # fmt: skip
    return table(header, rows, words=(0, 1, 2))


def failures(sweep: Sweep) -> list[str]:
    """Return a line for each cell that failed, with its reason."""
    return [
        f"- {p.network}, {budget_words(p.budget)}, {p.strategy}, {p.recovery}: "
        + " ".join(failure.split())
        for p in sweep.points
        for failure in p.failures
    ]


def _miou(point: Point | None) -> str:
    if point is None:
        return NOTHING
    if not point.mious:
        return "failed"
    return points(point.miou)
