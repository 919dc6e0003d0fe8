"""Trained networks at a glance: mIoU of each variant and seed beside dense, and what it saves."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from segprune.format import NOTHING, points, removed, signed, times
from segprune.reporting.dataset_report import DatasetReport, Row
from segprune.reporting.plots.style import DENSE, FAINT, INK, bare, new_figure
from segprune.reporting.trained import Trained

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["draw"]

_ROW, _MARGIN = 0.235, 0.62  # inches
_COLUMNS = ((0.34, "mIoU (against dense)"), (0.58, "parameters"), (0.77, "MACs"), (1.0, "speed-up"))
"""Right ends of the figures beside each line, in widths of their table, and what they are."""

# Networks with a target, dense ones, and controls, which have no target.
_PRUNED: Any = {"marker": "D", "color": "#0072b2", "markersize": 6}
_DENSE: Any = {"marker": "*", "color": INK, "markersize": 10}
_CONTROL: Any = {"marker": "o", "color": "#7d7d7d", "markersize": 6, "markerfacecolor": "white"}
_SEED: Any = {"marker": "|", "color": INK, "markersize": 7, "markeredgewidth": 0.8}
# Taller than other marks: a network that barely reaches its target lies on it.
_TARGET: Any = {"marker": "|", "color": "#d55e00", "markersize": 14, "markeredgewidth": 2.0}


def draw(report: DatasetReport) -> Figure:
    """A panel a network, a line a variant; everything that is compared is on one axis."""
    panels = report.compared
    figure = new_figure(sum(_ROW * len(rows) + _MARGIN for rows in panels) + 0.4)
    heights = [len(rows) + 0.6 for rows in panels]
    grid = figure.subplots(
        len(panels), 2, sharex="col", squeeze=False, width_ratios=(5, 4), height_ratios=heights
    )
    handles: dict[str, Any] = {}
    for (axes, beside), rows in zip(grid, panels, strict=True):
        _panel(axes, rows)
        _table(beside, rows)
        axes.set_title(f"{rows[0].trained.network} on {report.data}")
        handles |= dict(zip(*reversed(axes.get_legend_handles_labels()), strict=True))
    grid[-1][0].set_xlabel("mIoU, %")
    figure.legend(handles.values(), handles.keys(), loc="outside lower center", ncols=len(handles))
    return figure


def _panel(axes: Axes, rows: Sequence[Row]) -> None:
    bare(axes, grid="x")
    axes.set_ylim(len(rows) - 0.4, -0.6)
    axes.set_yticks(range(len(rows)), [_name(row.trained) for row in rows], color=INK)
    dense = next(row.dense for row in rows if row.dense is not None)
    axes.axvline(100 * dense.miou, **DENSE)
    for place, row in enumerate(rows):
        _line(axes, place, row)


def _name(trained: Trained) -> str:
    return trained.variant + (f" (mean of {trained.parts})" if trained.parts > 1 else "")


def _table(axes: Axes, rows: Sequence[Row]) -> None:
    axes.set_axis_off()
    axes.set_xlim(0, 1)
    axes.set_ylim(len(rows) - 0.4, -0.6)
    look: Any = {"ha": "right", "fontsize": 8}
    for number, (right, words) in enumerate(_COLUMNS):
        axes.text(right, -0.75, words, va="bottom", color=FAINT, **look)
        for place, row in enumerate(rows):
            axes.text(right, place, _figures(row)[number], va="center", color=INK, **look)


def _line(axes: Axes, place: int, row: Row) -> None:
    trained, budget = row.trained, row.budget
    mious = [100 * miou for miou in trained.mious]
    if row.is_reference:
        look, words = _DENSE, "dense"
    else:
        look, words = (_PRUNED, "pruned") if budget else (_CONTROL, "control")
    if budget is not None and row.dense is not None:
        axes.plot(
            100 * row.dense.miou - budget.miou_loss, place, linestyle="none", zorder=2,
            label="target", **_TARGET,
        )  # fmt: skip
    if len(mious) > 1:
        axes.plot([min(mious), max(mious)], [place] * 2, color=look["color"], linewidth=1.2)
        axes.plot(mious, [place] * len(mious), linestyle="none", label="one of its seeds", **_SEED)
    axes.plot(100 * trained.miou, place, linestyle="none", zorder=3, label=words, **look)


def _figures(row: Row) -> tuple[str, str, str, str]:
    trained, change = row.trained, ""
    if row.loss is not None and row.dense is not trained:
        change = f" ({signed(-row.loss, 2)})"
    return (
        points(trained.miou, 2) + change,
        NOTHING if trained.is_dense else removed(1 - trained.params_share),
        NOTHING if trained.is_dense else removed(1 - trained.macs_share),
        times(row.speed.speed.speedup) if row.speed else NOTHING,
    )
