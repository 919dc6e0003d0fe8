"""The sweep in sentences: which strategy at which ratio, and what recovery buys.

Every figure is computed from the records.
"""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Iterator, Sequence

from segprune.format import (
    NOTHING,
    budget_words,
    counted,
    joined,
    points,
    signed,
    table,
    times_range,
)
from segprune.gates.policy import Policy
from segprune.gates.targets import holds
from segprune.records.sweep import RECOVERIES
from segprune.reporting.dataset_report import DatasetReport, Row
from segprune.reporting.sweep_points import Network, Point, Strategy, Sweep
from segprune.reporting.trained import mean

__all__ = ["bought", "compared", "most_accurate", "sweep_summary"]

_UNTRAINED, _TRAINED = RECOVERIES[:2], RECOVERIES[2:]
_USUAL_LOSS = 1.0
_LEGEND = (
    "A strategy is importance/scope. In parentheses: points of mIoU ahead of the next strategy, or "
    "the 95 % interval of a speed-up. The most accurate is that of the furthest recovery without "
    "training."
)


def sweep_summary(report: DatasetReport, policy: Policy) -> list[str]:
    """Return paragraphs and bullets in Markdown; none without a sweep."""
    sweep = report.sweep
    if sweep is None:
        return []
    lines = []
    for network in sweep.networks:
        lines += [f"**{network.name}** (dense {points(report.dense[network.name], 2)} mIoU)", ""]
        lines += [*_leaders(sweep, network.name), ""]
        lines += [f"- {text}" for text in _within(report, sweep, network, policy)]
        lines += [f"- {text}" for text in _bought(report, sweep, network)]
        lines.append("")
    overall = [*_overall(sweep), *_scatter(report.rows)]
    if overall:
        lines += ["**Over all networks and budgets**", "", *(f"- {text}" for text in overall), ""]
    return lines and [_LEGEND, "", *lines]


# -- one network -----------------------------------------------------------------------------------


def _leaders(sweep: Sweep, network: str) -> list[str]:
    """Return a line for each budget: the most accurate strategy by recovery, and the fastest."""
    timed = any(p.speed for p in sweep.find(network))
    rows = []
    for budget in sweep.budgets:
        cells = [_most_accurate(sweep, network, budget, r) for r in sweep.recoveries]
        if timed:
            cells += [_fastest(sweep, network, budget), _speed_of_best(sweep, network, budget)]
        rows.append([budget_words(budget), *cells])
    header = ["budget", *(_manner(recovery) for recovery in sweep.recoveries)]
    if timed:
        header += ["fastest", "speed-up of the most accurate"]
    return table(header, rows, words=range(len(header)))


def _manner(recovery: str) -> str:
    return "without recovery" if recovery == "none" else recovery


def _most_accurate(sweep: Sweep, network: str, budget: tuple[str, float], recovery: str) -> str:
    ranked = sweep.best(network, budget, recovery)
    if not ranked:
        return NOTHING
    best = ranked[0]
    text = f"**{best.strategy}** {points(best.miou)}"
    if len(ranked) > 1:
        text += f" ({signed(100 * (best.miou - ranked[1].miou))})"
    return text


def _fastest(sweep: Sweep, network: str, budget: tuple[str, float]) -> str:
    ranked = sweep.best(network, budget, by="speed")
    if not ranked or ranked[0].speed is None:
        return NOTHING
    best = ranked[0].speed.speed
    near = sum(p.speed is not None and p.speed.speed.high >= best.low for p in ranked[1:])
    text = f"**{ranked[0].strategy}** {times_range(best)}"
    return text + (f", within its interval {near} more" if near else "")


def _speed_of_best(sweep: Sweep, network: str, budget: tuple[str, float]) -> str:
    best = most_accurate(sweep, network, budget)
    if best is None or best.speed is None:
        return NOTHING
    return f"{best.strategy} {times_range(best.speed.speed)}"


def most_accurate(sweep: Sweep, network: str, budget: tuple[str, float]) -> Point | None:
    """Return the most accurate point of the furthest recovery that every strategy got.

    Points without training come first; trained ones are used if there are no others.
    """
    for recovery in (*reversed(_UNTRAINED), *reversed(_TRAINED)):
        ranked = sweep.best(network, budget, recovery)
        if ranked:
            return ranked[0]
    return None


def _within(report: DatasetReport, sweep: Sweep, network: Network, policy: Policy) -> Iterator[str]:
    """Yield how small a network can be within the loss that the policy allows."""
    allowed = max((b.miou_loss for b in policy.budgets.values()), default=_USUAL_LOSS)
    dense = report.dense[network.name]
    for words, recoveries in (("without training", _UNTRAINED), ("with training", _TRAINED)):
        tried = [p for p in sweep.find(network.name) if p.recovery in recoveries]
        if not tried:
            continue
        good = [p for p in tried if holds(p.miou, dense - allowed / 100)]
        if not good:
            nearest = max(tried, key=lambda p: (p.miou, p.strategy))
            yield (
                f"Within {counted(allowed, 'point')} of dense {words}: none of "
                f"{len(tried)} cells; nearest {nearest.strategy}, {nearest.recovery}, at "
                f"{budget_words(nearest.budget)} ({signed(100 * (nearest.miou - dense))})."
            )
            continue
        least = min(good, key=lambda p: (p.macs, p.strategy))
        text = (
            f"Within {counted(allowed, 'point')} of dense {words}: {len(good)} "
            f"of {len(tried)} cells; fewest MACs with {least.strategy}, {least.recovery}, "
            f"{100 * least.macs:.0f} % ({signed(100 * (least.miou - dense))})"
        )
        timed = [p for p in good if p.speed is not None]
        if timed:
            fast = max(timed, key=lambda p: (p.speed.speed.speedup if p.speed else 0, p.strategy))
            text += (
                f"; fastest {fast.strategy}, {fast.recovery}, at {budget_words(fast.budget)}, "
                f"{times_range(fast.speed.speed if fast.speed else None)}"
            )
        yield text + "."


# -- what recovery buys ----------------------------------------------------------------------------


def compared(sweep: Sweep, network: str) -> list[tuple[tuple[str, float], list[Strategy]]]:
    """Return budgets and strategies with every recovery that occurs for this network."""
    ways = {p.recovery for p in sweep.find(network)}
    if not ways & set(_TRAINED):
        return []
    result = []
    for budget in sweep.budgets:
        full = [
            strategy
            for strategy in sweep.strategies
            if {p.recovery for p in sweep.find(network, budget=budget, strategy=strategy)} >= ways
        ]
        if full:
            result.append((budget, full))
    return result


def bought(
    sweep: Sweep, network: str, budget: tuple[str, float], strategies: Sequence[Strategy]
) -> dict[str, float]:
    """Return the mean mIoU of strategies by recovery, in [0, 1]."""
    means = {}
    for recovery in sweep.recoveries:
        found = [
            p
            for strategy in strategies
            for p in sweep.find(network, budget=budget, recovery=recovery, strategy=strategy)
        ]
        if found and len(found) == len(strategies):
            means[recovery] = mean([p.miou for p in found])
    return means


def _bought(report: DatasetReport, sweep: Sweep, network: Network) -> Iterator[str]:
    """Yield a sentence for each budget at which strategies were trained."""
    for budget, strategies in compared(sweep, network.name):
        means = bought(sweep, network.name, budget, strategies)
        parts, before = [], None
        for recovery, value in means.items():
            gain = "" if before is None else f" ({signed(100 * (value - before))})"
            parts.append(f"{_manner(recovery)} {points(value)}{gain}")
            before = value
        whose = f"mean of {joined([str(s) for s in strategies])}"
        if len(strategies) == 1:
            whose = str(strategies[0])
        left = 100 * (max(means.values()) - report.dense[network.name])
        yield (
            f"**What recovery buys** at {budget_words(budget)} ({whose}): {' → '.join(parts)}; "
            f"the best of these is {signed(left)} points from dense."
        )


# -- over all --------------------------------------------------------------------------------------


def _overall(sweep: Sweep) -> Iterator[str]:
    for recovery in (r for r in sweep.recoveries if r in _UNTRAINED):
        leaders = [
            ranked[0].strategy
            for network in sweep.networks
            for budget in sweep.budgets
            if (ranked := sweep.best(network.name, budget, recovery))
        ]
        if len(leaders) > 1:
            counted = Counter(leaders)
            most = sorted(counted.items(), key=lambda item: (-item[1], item[0]))[:3]
            counts = ", ".join(f"{strategy} {count}" for strategy, count in most)
            manner = _manner(recovery).capitalize()
            yield f"{manner}, most accurate most often (of {len(leaders)}): {counts}."
        yield from _scopes(sweep, recovery)
    yield from _distilled(sweep)


def _scopes(sweep: Sweep, recovery: str) -> Iterator[str]:
    """Compare global with local scope at the same importance."""
    differences = []
    for network in sweep.networks:
        found = {
            (p.budget, p.strategy): p.miou for p in sweep.find(network.name, recovery=recovery)
        }
        for (budget, strategy), miou in found.items():
            other = found.get((budget, Strategy(strategy.importance, "local")))
            if strategy.scope == "global" and other is not None:
                differences.append(100 * (miou - other))
    if differences:
        ahead = sum(difference > 0 for difference in differences)
        median = signed(statistics.median(differences))
        yield (
            f"Global scope is ahead of local in {ahead} of {len(differences)} pairs of one "
            f"importance, {_manner(recovery)}; median {median} points."
        )


def _distilled(sweep: Sweep) -> Iterator[str]:
    """Compare distillation with fine-tuning alone, at the same budget and strategy."""
    gains = []
    for network in sweep.networks:
        tuned = {
            (p.budget, p.strategy): p.miou for p in sweep.find(network.name, recovery=_TRAINED[0])
        }
        for point in sweep.find(network.name, recovery=_TRAINED[1]):
            if (point.budget, point.strategy) in tuned:
                gains.append(100 * (point.miou - tuned[point.budget, point.strategy]))
    if gains:
        yield (
            f"Distillation is ahead of fine-tuning alone in {sum(g > 0 for g in gains)} of "
            f"{len(gains)} pairs; from {signed(min(gains))} to {signed(max(gains))} points, median "
            f"{signed(statistics.median(gains))}."
        )


def _scatter(rows: Sequence[Row]) -> Iterator[str]:
    """Yield how far seeds of one recipe lie apart, because smaller margins say little."""
    several = [row.trained for row in rows if len(row.trained.records) > 1]
    if several:
        widest = max(several, key=lambda t: (max(t.mious) - min(t.mious), t.variant))
        spread = 100 * (max(widest.mious) - min(widest.mious))
        yield (
            f"Each cell is one seed. {len(widest.records)} seeds of one recipe "
            f"({widest.network} {widest.variant}) lie {spread:.1f} points apart: smaller margins "
            "between trained cells say nothing."
        )
    else:
        yield "Each cell is one seed: small margins say little."
