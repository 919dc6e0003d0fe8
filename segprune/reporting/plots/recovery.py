"""What recovery buys: the strategies that were trained, from no recovery to distillation."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from segprune.format import budget_words, signed
from segprune.format import points as in_points
from segprune.reporting.dataset_report import DatasetReport
from segprune.reporting.plots.style import DENSE, INK, bare, called, new_figure, top_of
from segprune.reporting.sweep_points import Network, Strategy, Sweep
from segprune.reporting.sweep_summary import compared

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["draw", "is_there"]

_LINES: Sequence[tuple[str, str, Any]] = (
    ("#0072b2", "o", "solid"),
    ("#d55e00", "s", (0, (4, 1.5))),
    ("#222222", "^", (0, (1, 1.2))),
)


def is_there(sweep: Sweep) -> bool:
    """Whether any strategy was recovered in every way."""
    return any(compared(sweep, network.name) for network in sweep.networks)


def draw(report: DatasetReport, sweep: Sweep) -> Figure:
    """A panel for each network and budget at which strategies were trained."""
    panels = [
        (network, budget, strategies)
        for network in sweep.networks
        for budget, strategies in compared(sweep, network.name)
    ]
    figure = new_figure(3.7)
    row = figure.subplots(1, len(panels), sharey=True, squeeze=False)[0]
    for axes, (network, budget, strategies) in zip(row, panels, strict=True):
        _panel(axes, report, sweep, network, budget, strategies)
        axes.set_title(f"{network.name} on {report.data}, {budget_words(budget)}")
    row[0].set_ylabel("mIoU, %")
    return figure


def _panel(
    axes: Axes, report: DatasetReport, sweep: Sweep, network: Network, budget: tuple[str, float],
    strategies: list[Strategy],
) -> None:  # fmt: skip
    bare(axes)
    dense = report.dense[network.name]
    ways = [r for r in sweep.recoveries if sweep.find(network.name, budget=budget, recovery=r)]
    axes.axhline(100 * dense, **DENSE)
    axes.annotate(
        f"dense {in_points(dense)}", (0, 100 * dense), xytext=(-14, 3),
        textcoords="offset points", fontsize=8,
    )  # fmt: skip
    for number, strategy in enumerate(strategies):
        colour, marker, line = _LINES[number % len(_LINES)]
        values = [
            100 * sweep.find(network.name, budget=budget, recovery=r, strategy=strategy)[0].miou
            for r in ways
        ]
        axes.plot(
            range(len(ways)), values, color=colour, marker=marker, linestyle=line, linewidth=1.6,
            markersize=6, label=str(strategy), zorder=3,
        )  # fmt: skip
    means = [
        sum(sweep.find(network.name, budget=budget, recovery=r, strategy=s)[0].miou
            for s in strategies) / len(strategies)
        for r in ways
    ]  # fmt: skip
    for number, (before, after) in enumerate(itertools.pairwise(means)):
        axes.annotate(
            signed(100 * (after - before)), (number + 0.5, 50 * (before + after)),
            xytext=(8, -12), textcoords="offset points", ha="left", va="top", fontsize=9.5,
            fontweight="bold", color=INK,
        )  # fmt: skip
    axes.set_xticks(range(len(ways)), [called(way) for way in ways])
    axes.set_xlim(-0.35, len(ways) - 0.65)
    # All panels have one axis.
    axes.set_ylim(
        bottom=0, top=1.1 * max(top_of(sweep, n, report.dense[n.name]) for n in sweep.networks)
    )
    axes.legend(loc="lower right", title="mean gain in bold", title_fontsize=8)
