"""mIoU against MACs, parameters and measured time: every strategy, the best ones by name.

Those near the dense network stand too close to one another; the summary names them all.
"""

from __future__ import annotations

from collections.abc import Callable
from math import inf
from typing import TYPE_CHECKING

from segprune.format import points as in_points
from segprune.reporting.dataset_report import DatasetReport
from segprune.reporting.plots.style import (
    DENSE,
    FAINT,
    INK,
    RECOVERED,
    bare,
    called,
    halo,
    new_figure,
    top_of,
)
from segprune.reporting.sweep_points import Network, Point, Sweep, ms

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["draw"]

# Where names stand, and up to which share of dense mIoU there is room for them. Trained points lie
# close together, under the dense line: one name for them is enough.
_PLACES = {
    "none": ((5, -3), "left", "top", 0.65),
    "recalibrated": ((-4, 4), "right", "bottom", 0.85),
    "fine-tuned": ((6, -2), "left", "top", inf),
    "distilled": ((2, 16), "right", "bottom", 2.0),
}
_CRAMPED, _FEW = 0.36, 16
_CROWDED = 5
"""Names in a panel; of more, those are written at which another strategy led before."""


def draw(report: DatasetReport, sweep: Sweep) -> Figure:
    """A row a network, a column a cost; lines join what nothing cheaper is as accurate as."""
    figure = new_figure(0.75 + 3.1 * len(sweep.networks))
    grid = figure.subplots(len(sweep.networks), 3, sharey="row", squeeze=False)
    for row, network in zip(grid, sweep.networks, strict=True):
        costs: tuple[tuple[str, Callable[[Point], float | None], float | None], ...] = (
            ("MACs, % of dense", lambda p: 100 * p.macs, 100),
            ("parameters, % of dense", lambda p: 100 * p.params, 100),
            ("ms per image, one thread", lambda p, n=network: ms(n, p), network.dense_ms),  # type: ignore[misc]
        )
        for number, (axes, (label, cost, dense)) in enumerate(zip(row, costs, strict=True)):
            _panel(axes, sweep, network, cost, report.dense[network.name], dense)
            axes.set_xlabel(label)
            if number == 0:
                axes.set_title(f"{network.name} on {report.data}")
                axes.set_ylabel("mIoU, %")
    handles, labels = grid[0][0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=len(labels))
    return figure


def _panel(
    axes: Axes,
    sweep: Sweep,
    network: Network,
    cost: Callable[[Point], float | None],
    dense_miou: float,
    dense_cost: float | None,
) -> None:
    bare(axes, grid="both")
    axes.axhline(100 * dense_miou, **DENSE)
    for recovery in sweep.recoveries:
        look = RECOVERED[recovery]
        found = [
            (x, p)
            for p in sweep.find(network.name, recovery=recovery)
            if (x := cost(p)) is not None
        ]
        axes.scatter(
            [x for x, _ in found], [100 * p.miou for _, p in found], s=11, marker=look.marker,
            facecolors=look.face, edgecolors=look.colour, linewidths=0.6, alpha=0.45, zorder=2,
        )  # fmt: skip
        leaders = _leaders(found)
        axes.plot(
            [x for x, _ in leaders], [100 * p.miou for _, p in leaders], color=look.colour,
            linestyle=look.line, linewidth=1.4, marker=look.marker, markersize=5.5,
            markerfacecolor=look.face, markeredgecolor=look.colour, zorder=3,
            label=called(recovery),
        )  # fmt: skip
        named = [
            best[0]
            for budget in sweep.budgets
            if (best := sweep.best(network.name, budget, recovery))
        ]
        if dense_cost is not None:
            own = [one for one in leaders if one[1] in named]
            few = len(sweep.find(network.name)) <= _FEW
            _name(axes, recovery, own, inf if few else dense_miou, _CRAMPED * dense_cost)
    axes.annotate(
        f"dense {in_points(dense_miou)}", (0.02, 100 * dense_miou), xytext=(0, 3),
        xycoords=("axes fraction", "data"), textcoords="offset points", va="bottom", fontsize=7.5,
    )  # fmt: skip
    if dense_cost is not None:
        axes.plot([dense_cost], [100 * dense_miou], marker="*", markersize=11, color=INK,
                  linestyle="none", zorder=4, label="dense")  # fmt: skip
        costs = (x for p in sweep.find(network.name) if (x := cost(p)) is not None)
        axes.set_xlim(0, 1.06 * max([dense_cost, *costs]))
    else:
        axes.set_xticks([])
        axes.text(0.5, 0.5, "not measured", transform=axes.transAxes, ha="center", color=FAINT)
    axes.set_ylim(0, 1.17 * top_of(sweep, network, dense_miou))


def _leaders(found: list[tuple[float, Point]]) -> list[tuple[float, Point]]:
    """Those that are more accurate than everything that costs less: the Pareto front."""
    leaders: list[tuple[float, Point]] = []
    for x, point in sorted(found, key=lambda one: (one[0], -one[1].miou)):
        if not leaders or point.miou > leaders[-1][1].miou:
            leaders.append((x, point))
    return leaders


def _name(
    axes: Axes, recovery: str, leaders: list[tuple[float, Point]], dense: float, cramped: float
) -> None:
    """Names beside the leaders, each on the side where no other line runs.

    Args:
        dense: mIoU of the dense network; inf where there are so few points that all have room.
    """
    if recovery not in _PLACES or (recovery == "fine-tuned" and dense != inf):
        return
    if len(leaders) > _CROWDED:
        before = [None, *(point.strategy for _, point in leaders)]
        leaders = [o for o, last in zip(leaders, before, strict=False) if o[1].strategy != last]
    offset, horizontal, vertical, room = _PLACES[recovery]
    for x, point in leaders:
        if point.miou > room * dense:
            continue
        middle = horizontal == "right" and x < cramped
        outside = horizontal == "left" and dense == inf and x > 2 * cramped
        label = axes.annotate(
            str(point.strategy), (x, 100 * point.miou),
            xytext=(-offset[0], offset[1]) if outside else offset, textcoords="offset points",
            ha="center" if middle else "right" if outside else horizontal, va=vertical,
            fontsize=6.8, color=RECOVERED[recovery].colour, zorder=2.5,
        )  # fmt: skip
        label.set_in_layout(False)
        label.set_path_effects(halo())
