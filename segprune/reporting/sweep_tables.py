"""Tables of a sweep: every strategy at every budget, and the cells that were trained."""

from __future__ import annotations

from collections.abc import Mapping

from segprune.format import NOTHING, budget_words, points, signed, table, times_range
from segprune.records.sweep import RECOVERIES
from segprune.reporting.sweep_points import Point, Strategy, Sweep

__all__ = ["failures", "miou_table", "speedup_table", "trained_cells"]

UNTRAINED, TRAINED = RECOVERIES[:2], RECOVERIES[2:]


def miou_table(sweep: Sweep, network: str) -> list[str]:
    """mIoU of every strategy at every budget, without recovery and recalibrated; best in bold."""
    found = _by_place(sweep, network)
    strategies = [s for s in sweep.strategies if any(place[1] == s for place in found)]
    columns = [
        (budget, recovery)
        for budget in sweep.budgets
        for recovery in UNTRAINED
        if any((budget, s, recovery) in found for s in strategies)
    ]
    best = {
        column: max(
            (round(100 * p.miou, 1) for p in sweep.find(network, budget=column[0],
                                                        recovery=column[1])),
            default=None,
        )
        for column in columns
    }  # fmt: skip
    rows = []
    for strategy in strategies:
        cells = []
        for column in columns:
            point = found.get((column[0], strategy, column[1]))
            text = _miou(point)
            bold = point is not None and point.mious and round(100 * point.miou, 1) == best[column]
            cells.append(f"**{text}**" if bold else text)
        rows.append([strategy.importance, strategy.scope, *cells])
    heads = [f"{budget_words(budget)}, {recovery}" for budget, recovery in columns]
    return table(("importance", "scope", *heads), rows, words=(0, 1))


def speedup_table(sweep: Sweep, network: str) -> list[str]:
    """Paired speed-up of every strategy at every budget; empty where none was measured."""
    found: dict[tuple[tuple[str, float], Strategy], Point] = {}
    for point in sweep.points:
        if point.network == network and point.speed is not None:
            found.setdefault((point.budget, point.strategy), point)
    if not found:
        return []
    budgets = [b for b in sweep.budgets if any(place[0] == b for place in found)]
    fastest = {b: max(_factor(p) for (own, _), p in found.items() if own == b) for b in budgets}
    rows = []
    for strategy in sweep.strategies:
        cells = []
        for budget in budgets:
            there = found.get((budget, strategy))
            text = times_range(there.speed.speed) if there and there.speed else NOTHING
            best = there is not None and _factor(there) == fastest[budget]
            cells.append(f"**{text}**" if best else text)
        if any(cell != NOTHING for cell in cells):
            rows.append([strategy.importance, strategy.scope, *cells])
    return table(("importance", "scope", *map(budget_words, budgets)), rows, words=(0, 1))


def trained_cells(sweep: Sweep, dense: Mapping[str, float]) -> list[str]:
    """Strategies that were fine-tuned, with every way to recover beside one another."""
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
    """A line for each cell that failed, with its reason."""
    return [
        f"- {p.network}, {budget_words(p.budget)}, {p.strategy}, {p.recovery}: "
        + " ".join(failure.split())
        for p in sweep.points
        for failure in p.failures
    ]


def _by_place(sweep: Sweep, network: str) -> dict[tuple[tuple[str, float], Strategy, str], Point]:
    return {(p.budget, p.strategy, p.recovery): p for p in sweep.points if p.network == network}


def _miou(point: Point | None) -> str:
    if point is None:
        return NOTHING
    if not point.mious:
        return "failed"
    return points(point.miou)


def _factor(point: Point) -> float:
    return point.speed.speed.speedup if point.speed else 0.0
