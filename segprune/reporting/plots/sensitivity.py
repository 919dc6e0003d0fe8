"""What each layer loses, and what it is worth: the layer that is missed least on top."""

from __future__ import annotations

from typing import TYPE_CHECKING

from segprune.records.sensitivity import SensitivityRecord
from segprune.reporting.plots.style import FAINT, INK, bare, new_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["draw"]

_ROW, _LEAST = 0.165, 4


def draw(name: str, record: SensitivityRecord) -> Figure:
    """Bars of the output's error, and beside them the share of MACs that the cut saves."""
    rows = record.layers
    figure = new_figure(1.0 + _ROW * max(len(rows), _LEAST))
    left, right = figure.subplots(1, 2, sharey=True, width_ratios=(3, 2))
    places = range(len(rows))
    labels = [
        row.layers[0] + (f" +{len(row.layers) - 1} tied" if len(row.layers) > 1 else "")
        for row in rows
    ]
    left.barh(places, [100 * row.error for row in rows], height=0.7, color="#0072b2")
    left.set_xlabel(f"change of the output, %, with {100 * record.keep:g} % of one layer left")
    right.barh(
        places, [100 * row.macs for row in rows], height=0.7, facecolor="white",
        edgecolor="#b35900", hatch="/////", linewidth=0.8,
    )  # fmt: skip
    right.set_xlabel("MACs saved, % of the network")
    for axes, worth in ((left, [row.error for row in rows]), (right, [row.macs for row in rows])):
        bare(axes, grid="x")
        axes.set_ylim(max(len(rows), 1) - 0.4, -0.6)
        axes.set_xlim(0, 105 * max(worth, default=0) or 1.0)
        if not rows:
            axes.text(0.5, 0.5, "no layer was cut", transform=axes.transAxes, ha="center",
                      va="center", color=FAINT)  # fmt: skip
    left.set_yticks(places, labels, fontsize=7.5, color=INK)
    left.set_title(f"{name}: what is lost")
    right.set_title("what is saved")
    return figure
