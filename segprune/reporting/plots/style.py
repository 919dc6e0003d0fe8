"""How pictures look and how they are written: legible in grey, and the same bytes every time."""

from __future__ import annotations

import io
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from segprune.records.io import write_atomic

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.patheffects import AbstractPathEffect

    from segprune.reporting.sweep_points import Network, Sweep

__all__ = [
    "DENSE",
    "FAINT",
    "INK",
    "PALE",
    "RC",
    "RECOVERED",
    "WIDTH",
    "Look",
    "bare",
    "called",
    "clear",
    "halo",
    "new_figure",
    "save",
    "top_of",
]

WIDTH = 9.0
"""Inches; a README shows 900 pixels, so that a point is a little more than a pixel."""

INK, FAINT, PALE = "#222222", "#777777", "#d9d9d9"
DENSE: Mapping[str, Any] = {"color": INK, "linewidth": 1.0, "linestyle": (0, (6, 3)), "zorder": 1}

RC: Mapping[str, Any] = {
    "axes.axisbelow": True,
    "axes.edgecolor": "#777777",
    "axes.grid": True,
    "axes.labelcolor": INK,
    "axes.labelsize": 8.5,
    "axes.linewidth": 0.7,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlelocation": "left",
    "axes.titlesize": 9.5,
    "axes.titleweight": "bold",
    "font.family": "DejaVu Sans",
    "font.size": 8.5,
    "grid.color": "#ececec",
    "grid.linewidth": 0.7,
    "hatch.linewidth": 0.6,
    "legend.fontsize": 8.5,
    "legend.frameon": False,
    "savefig.dpi": 200,
    "savefig.facecolor": "white",
    "svg.fonttype": "path",
    "svg.hashsalt": "segprune",
    "text.color": INK,
    "xtick.color": "#555555",
    "xtick.labelsize": 8,
    "ytick.color": "#555555",
    "ytick.labelsize": 8,
}


_MARK = "segprune records "
"""In the description of each picture, before the digest."""


@dataclass(frozen=True)
class Look:
    """Shade, marker and line of one way to recover; no two differ by hue alone."""

    colour: str
    marker: str
    line: Any
    filled: bool = True

    @property
    def face(self) -> str:
        """Inside of a marker or a bar."""
        return self.colour if self.filled else "white"


# Hues of Okabe and Ito, or near them, in four different shades of grey.
RECOVERED: Mapping[str, Look] = {
    "none": Look("#7d7d7d", "o", (0, (1, 1.5)), filled=False),
    "recalibrated": Look("#0072b2", "s", (0, (4, 1.5))),
    "fine-tuned": Look("#e69f00", "^", "solid"),
    "distilled": Look("#6b1740", "D", "solid"),
}


def new_figure(height: float, width: float = WIDTH) -> Figure:
    """An empty figure, in inches, that no window knows of."""
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout="constrained")


def top_of(sweep: Sweep, network: Network, dense: float) -> float:
    """Return the highest mIoU of a plot, in percent: pruned networks may be above dense."""
    return 100 * max([dense, *(p.miou for p in sweep.find(network.name))]) or 1.0


def called(recovery: str) -> str:
    """A way to recover, as a picture calls it."""
    return "no recovery" if recovery == "none" else recovery


def halo() -> list[AbstractPathEffect]:
    """A white rim, so that a name can be read where it crosses a line."""
    from matplotlib.patheffects import withStroke

    return [withStroke(linewidth=2, foreground="white")]


def bare(axes: Axes, *, grid: str = "y") -> None:
    """Lines of a grid along one axis only."""
    axes.grid(False)
    if grid:
        axes.grid(True, axis=grid)  # type: ignore[arg-type]
    axes.tick_params(length=0)


def clear(folder: Path, names: Collection[str]) -> None:
    """Remove pictures of an earlier report that are not among these names, and nothing else."""
    for path in sorted(folder.iterdir()):
        ours = path.suffix in (".png", ".svg") and path.stem not in names
        if ours and _MARK.encode() in path.read_bytes():
            path.unlink()


def save(figure: Figure, folder: Path, name: str, digest: str) -> None:
    """Write PNG and SVG, both with the digest of the records they show, without date or version."""
    text = f"{_MARK}{digest}"
    for kind, metadata in (
        ("png", {"Software": None, "Description": text}),
        ("svg", {"Date": None, "Creator": None, "Description": text}),
    ):
        stream = io.BytesIO()
        figure.savefig(stream, format=kind, metadata=metadata)
        write_atomic(folder / f"{name}.{kind}", stream.getvalue())
