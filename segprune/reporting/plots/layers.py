"""Pictures with every layer: what each loses alone, and which widths each importance keeps."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from segprune.format import budget_words
from segprune.records.sensitivity import SensitivityRecord
from segprune.reporting.plots.style import FAINT, INK, bare, new_figure
from segprune.reporting.sweep_points import Network, Point, Sweep

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.image import AxesImage

__all__ = ["draw_sensitivity", "draw_widths"]

_ROW, _FEWEST = 0.165, 4
_USUAL = 0.5
_LEAST = 2.4
"""Inches that the words beside the bar of colours take."""

_LOCAL = "local, mean"


def draw_sensitivity(name: str, record: SensitivityRecord) -> Figure:
    """Bars of the output's error, and beside them the share of MACs that the cut saves."""
    rows = record.layers
    figure = new_figure(1.0 + _ROW * max(len(rows), _FEWEST))
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


def draw_widths(sweep: Sweep) -> Figure:
    """Draw a heat map for each network, at its budget nearest to one half: dark is narrow."""
    found = [
        (network, budget, _rows(sweep, network, budget))
        for network in sweep.networks
        if (budget := sweep.nearest(network.name, _USUAL)) is not None
    ]
    heights = [1.15 + 0.2 * len(rows) for *_, rows in found]
    figure = new_figure(max(0.5 + sum(heights), _LEAST))
    grid = figure.subplots(len(found), 1, squeeze=False, height_ratios=heights)
    image = None
    for axes, (network, budget, rows) in zip(grid[:, 0], found, strict=True):
        image = _panel(axes, rows)
        axes.set_title(
            f"{network.name} on {sweep.data}, {budget_words(budget)}: layers from input to output"
        )
    if image is not None:
        bar = figure.colorbar(image, ax=list(grid[:, 0]), fraction=0.025, pad=0.01)
        bar.set_label("kept channels, % of the layer")
        bar.outline.set_visible(False)
    return figure


def _rows(
    sweep: Sweep, network: Network, budget: tuple[str, float]
) -> dict[str, list[tuple[str, float]]]:
    """Kept shares by layer, for each importance; of local scope, which hardly differs, the mean."""
    once: dict[tuple[str, str], Point] = {}
    for point in sweep.find(network.name, budget=budget):
        once.setdefault((point.strategy.scope, point.strategy.importance), point)
    rows = {
        importance: [(w.name, 100 * w.kept / w.of) for w in point.widths]
        for (scope, importance), point in sorted(once.items())
        if scope == "global"
    }
    local = [point.widths for (scope, _), point in sorted(once.items()) if scope == "local"]
    if local:
        rows[_LOCAL] = [
            (layer[0].name, sum(100 * w.kept / w.of for w in layer) / len(layer))
            for layer in zip(*local, strict=True)
        ]
    return rows


def _panel(axes: Axes, rows: dict[str, list[tuple[str, float]]]) -> AxesImage:
    names = [name for name, _ in next(iter(rows.values()))]
    values = np.array([[share for _, share in row] for row in rows.values()])
    # Its lightness rises evenly: it reads the same in grey and to the colour-blind.
    image = axes.imshow(values, cmap="cividis", vmin=0, vmax=100, aspect="auto",
                        interpolation="nearest")  # fmt: skip
    bare(axes, grid="")
    axes.set_yticks(range(len(rows)), rows)
    axes.set_xticks([])
    for spine in axes.spines.values():
        spine.set_visible(False)
    for edge in range(1, len(rows)):
        axes.axhline(edge - 0.5, color="white", linewidth=1.5 if edge < len(rows) - 1 else 3)
    _parts(axes, names, len(rows))
    return image


def _parts(axes: Axes, names: list[str], count: int) -> None:
    """Brackets under the layers of one part of the network, in the order of the network."""
    from matplotlib.transforms import ScaledTranslation

    parts: list[tuple[str, int, int]] = []
    for number, name in enumerate(names):
        part = name.partition(".")[0]
        if parts and parts[-1][0] == part:
            parts[-1] = (part, parts[-1][1], number)
        else:
            parts.append((part, number, number))
    bottom = count - 0.5
    # The distance is in inches: measured in rows, it would leave a map of one row no room.
    across, scale = axes.get_xaxis_transform(), axes.figure.dpi_scale_trans
    for number, (part, first, last) in enumerate(parts):
        axes.plot([first - 0.35, last + 0.35], [0, 0], color="#777777", linewidth=1,
                  clip_on=False, transform=across + ScaledTranslation(0, -0.05, scale))  # fmt: skip
        # Narrow parts: names take turns in two lines.
        low = ScaledTranslation(0, -0.25 if number % 2 else -0.1, scale)
        axes.text((first + last) / 2, 0, part, ha="center", va="top", fontsize=7.5, color=INK,
                  transform=across + low)  # fmt: skip
        if first:
            axes.axvline(first - 0.5, color="white", linewidth=1.5)
    axes.set_ylim(bottom, -0.5)
    axes.set_xlim(-0.5, len(names) - 0.5)
