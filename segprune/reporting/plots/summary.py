"""The one picture: which strategy at which ratio, for accuracy and speed; what recovery buys."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

from segprune.format import budget_words, signed
from segprune.format import points as in_points
from segprune.records.sweep import RECOVERIES
from segprune.reporting.dataset_report import DatasetReport
from segprune.reporting.plots.style import (
    DENSE,
    FAINT,
    INK,
    PALE,
    RECOVERED,
    bare,
    called,
    halo,
    new_figure,
    top_of,
)
from segprune.reporting.sweep_points import Network, Point, Strategy, Sweep
from segprune.reporting.sweep_summary import bought, compared, most_accurate

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["draw"]

_USUAL, _MANY, _WRAPPED = 0.5, 3, 38
_CROWDED = 5
"""With more budgets, a strategy is named only where a different one leads at the budget before."""

_ASIDE = {"fine-tuned": -0.12, "distilled": 0.12}
"""Their points are so close that one would hide the other."""


def draw(report: DatasetReport, sweep: Sweep) -> Figure:
    """A row a network; a column a question."""
    figure = new_figure(0.9 + 2.75 * len(sweep.networks))
    grid = figure.subplots(len(sweep.networks), 3, squeeze=False, width_ratios=(1.12, 1, 1))
    for number, (row, network) in enumerate(zip(grid, sweep.networks, strict=True)):
        _accuracy(row[0], report, sweep, network)
        _speed(row[1], sweep, network)
        _recovery(row[2], report, sweep, network)
        row[0].set_ylabel("mIoU, %")
        row[0].text(-0.24, 0.5, network.name, transform=row[0].transAxes, rotation=90, ha="center",
                    va="center", fontsize=11, fontweight="bold")  # fmt: skip
        if number == 0:
            row[0].set_title(f"Most accurate strategy on {report.data}")
            row[1].set_title("Fastest strategy")
            row[2].set_title("What recovery buys")
        if number == len(sweep.networks) - 1:
            row[0].set_xlabel("kept " + _what(sweep))
            row[1].set_xlabel("kept " + _what(sweep))
            row[2].set_xlabel("mIoU, %")
    accuracy, labels = grid[0][0].get_legend_handles_labels()
    measured = [found for row in grid if (found := row[1].get_legend_handles_labels())[0]]
    speed, more = measured[0] if measured else ([], [])
    figure.legend([*accuracy, *speed], [*labels, *more], loc="outside lower center", ncols=7,
                  fontsize=8, columnspacing=1.4, handlelength=1.8)  # fmt: skip
    return figure


def _what(sweep: Sweep) -> str:
    return budget_words(sweep.budgets[0]).partition(" of the ")[2]


def _shares(axes: Axes, sweep: Sweep) -> list[int]:
    places = list(range(len(sweep.budgets)))
    crowded = len(places) > _CROWDED
    axes.set_xticks(
        places, [f"{100 * share:g}{'' if crowded else ' %'}" for _, share in sweep.budgets]
    )
    if crowded:
        axes.tick_params(axis="x", labelsize=6, rotation=45)
    return places


def _accuracy(axes: Axes, report: DatasetReport, sweep: Sweep, network: Network) -> None:
    bare(axes)
    places, dense = _shares(axes, sweep), 100 * report.dense[network.name]
    axes.set_xlim(-1.15, places[-1] + 1.05)
    axes.axhline(dense, **DENSE)
    axes.annotate(f"dense {dense:.1f}", (places[-1] + 1.05, dense), xytext=(0, 3),
                  textcoords="offset points", ha="right", fontsize=8)  # fmt: skip
    for recovery in sweep.recoveries:
        look = RECOVERED[recovery]
        found = [
            (place, best[0])
            for place, budget in zip(places, sweep.budgets, strict=True)
            if (best := sweep.best(network.name, budget, recovery))
        ]
        axes.plot(
            [place + _ASIDE.get(recovery, 0) for place, _ in found],
            [100 * p.miou for _, p in found], color=look.colour, linestyle=look.line,
            marker=look.marker, markersize=6, linewidth=1.5, markerfacecolor=look.face,
            label=called(recovery), zorder=3,
        )  # fmt: skip
        if recovery in RECOVERIES[:2]:
            below = recovery == "none"
            for place, point in _named(found):
                label = axes.annotate(
                    str(point.strategy).replace("/", "\n"), (place, 100 * point.miou),
                    xytext=(-4, -1) if below else (-4, 5), textcoords="offset points",
                    ha="right" if below else "left", va="top" if below else "bottom",
                    fontsize=7, color=look.colour, linespacing=0.95, zorder=2,
                )  # fmt: skip
                label.set_in_layout(False)
                label.set_path_effects(halo())
    top = top_of(sweep, network, report.dense[network.name])
    axes.set_ylim(-0.1 * top, top * 1.2)
    axes.set_yticks([tick for tick in axes.get_yticks() if 0 <= tick <= top * 1.2])


def _named(found: list[tuple[int, Point]]) -> list[tuple[int, Point]]:
    """Return the points whose strategy is written beside them: all, if there is room."""
    if len(found) <= _CROWDED:
        return found
    before = [None, *(point.strategy for _, point in found)]
    return [one for one, last in zip(found, before, strict=False) if one[1].strategy != last]


def _speed(axes: Axes, sweep: Sweep, network: Network) -> None:
    bare(axes)
    places = _shares(axes, sweep)
    axes.axhline(1, **DENSE)
    low = top = 1.0
    for place, budget in zip(places, sweep.budgets, strict=True):
        ranked = sweep.best(network.name, budget, by="speed")
        if not ranked:
            continue
        factors = [p.speed.speed.speedup for p in ranked if p.speed]
        low, top = min(low, *factors), max(top, *factors)
        axes.plot([place] * 2, [min(factors), max(factors)], color=PALE, linewidth=9,
                  solid_capstyle="butt", zorder=2)  # fmt: skip
        axes.plot([place], [max(factors)], marker="^", markersize=7, color="#d55e00",
                  linestyle="none", zorder=3)  # fmt: skip
        axes.annotate(
            str(ranked[0].strategy).replace("/", "\n") + f"\n×{max(factors):.2f}",
            (place, max(factors)), xytext=(0, 6), textcoords="offset points", ha="center",
            va="bottom", fontsize=6.8, color="#a34700", linespacing=0.95,
        )  # fmt: skip
        best = most_accurate(sweep, network.name, budget)
        if best is not None and best.speed is not None:
            axes.plot([place - 0.17, place + 0.17], [best.speed.speed.speedup] * 2, color=INK,
                      linewidth=2, zorder=4)  # fmt: skip
    if low == top:
        axes.text(0.5, 0.5, "not measured", transform=axes.transAxes, ha="center", color=FAINT)
    else:
        axes.plot([], [], marker="^", linestyle="none", color="#d55e00", label="fastest")
        axes.plot([], [], color=INK, linewidth=2, label="speed of the most accurate")
        axes.plot([], [], color=PALE, linewidth=7, label="all strategies")
    axes.set_xlim(-0.6, places[-1] + 0.6)
    axes.set_ylim(min(0.8, low - 0.1), 1 + (top - 1) * 1.3 + 0.1)
    axes.set_ylabel("times as fast as dense")


def _recovery(axes: Axes, report: DatasetReport, sweep: Sweep, network: Network) -> None:
    bare(axes, grid="x")
    budget, strategies = _chosen(sweep, network)
    means = bought(sweep, network.name, budget, strategies)
    dense = 100 * report.dense[network.name]
    before = None
    for place, (recovery, value) in enumerate(means.items()):
        look = RECOVERED[recovery]
        axes.barh(place, 100 * value, height=0.62, facecolor=look.face, edgecolor=look.colour,
                  linewidth=1.2, zorder=2)  # fmt: skip
        gain = "" if before is None else f"  {signed(100 * (value - before))}"
        inside = 100 * value > 0.55 * dense
        dark = inside and recovery in ("recalibrated", "distilled")
        axes.text(
            100 * value + (-1 if inside else 1) * 0.02 * dense, place,
            f"{in_points(value)}{gain}", ha="right" if inside else "left", va="center",
            fontsize=8.5, fontweight="bold", color="white" if dark else INK, zorder=4,
        )  # fmt: skip
        before = value
    axes.axvline(dense, **DENSE)
    widest = max([dense, *(100 * value for value in means.values())]) or 1.0
    left = dense > widest / 2  # there is room for the words on this side of its line
    axes.annotate(f"dense {dense:.1f}", (dense, -0.55), xytext=(-4 if left else 4, 0),
                  textcoords="offset points", ha="right" if left else "left", va="bottom",
                  fontsize=8)  # fmt: skip
    axes.set_yticks(range(len(means)), [called(recovery) for recovery in means])
    axes.set_xlim(0, 1.04 * widest)
    names = textwrap.fill(", ".join(str(s) for s in strategies), _WRAPPED)
    axes.text(0, len(means) - 0.52, f"at {budget_words(budget)}: mean of\n{names}",
              va="top", fontsize=7, color="#555555")  # fmt: skip
    axes.set_ylim(len(means) + 0.4, -0.95)


def _chosen(sweep: Sweep, network: Network) -> tuple[tuple[str, float], list[Strategy]]:
    """What was recovered in every way, nearest to one half; or else the best that there are."""
    found = compared(sweep, network.name)
    if found:
        return min(found, key=lambda item: (abs(item[0][1] - _USUAL), item[0]))
    budget = sweep.nearest(network.name, _USUAL)
    if budget is None:  # all of its cells failed
        return sweep.budgets[0], []
    ranked = sweep.best(network.name, budget, "recalibrated") or sweep.best(network.name, budget)
    return budget, list(dict.fromkeys(p.strategy for p in ranked))[:_MANY]
