"""Which layers each importance takes from: kept width of every layer, at one budget."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from segprune.format import budget_words
from segprune.reporting.plots.style import INK, bare, new_figure
from segprune.reporting.sweep_points import Network, Point, Sweep

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.image import AxesImage

__all__ = ["draw"]

_USUAL = 0.5
_LEAST = 2.4
"""Inches that the words beside the bar of colours take."""

_LOCAL = "local, mean"


def draw(sweep: Sweep) -> Figure:
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
