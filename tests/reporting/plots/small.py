"""Small sweeps, their pictures drawn, and what lies outside of the axes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from reporting.records import cell, digest, speed
from segprune.reporting import Collection, Policy
from segprune.reporting.plots.drawing import _jobs
from segprune.reporting.plots.style import RC

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FEW = {"bisenetv2": [(f"conv{n}", 16) for n in range(5)], "icnet": [("only", 32)]}
"""Layers of small networks."""


def one(recovery: str, miou: float | None, budget: float = 0.5, **changes: Any) -> Any:
    return cell("bisenetv2", budget, "taylor", "global", recovery, miou, **changes)


def timed(factor: float, budget: float = 0.5) -> Any:
    return speed(factor, plan=digest("plan", "bisenetv2", budget, "taylor", "global"))


SWEEPS = {
    "one cell": Collection((), (one("none", 0.4),)),
    "points above dense": Collection(
        (), (one("none", 0.75), one("recalibrated", 0.9), one("none", 0.8, 0.9)), (timed(1.3),)
    ),
    "a dense network that hardly knows anything": Collection(
        (), tuple(one(way, miou, dense=0.1) for way, miou in (
            ("none", 0.2), ("recalibrated", 0.5), ("fine-tuned", 0.8), ("distilled", 0.9)))
    ),
    "trained cells alone": Collection((), (one("fine-tuned", 0.6),), (timed(1.3),)),
    "slower than dense": Collection((), (one("none", 0.6),), (timed(0.6),)),
    "two networks at different budgets": Collection(
        (), (one("none", 0.5), cell("icnet", 0.9, "taylor", "global", "none", 0.6))
    ),
    "a network whose cells failed": Collection(
        (), (one("none", 0.5), cell("icnet", 0.5, "taylor", "global", "none", None))
    ),
    "nothing but zeros": Collection((), (one("none", 0.0, dense=0.0),)),
    "eleven budgets": Collection(
        (), tuple(one("none", 0.3 + share / 20, share) for share in (
            0.95, 0.9, 0.85, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1))
    ),
    "one layer": Collection((), (cell("icnet", 0.5, layers=FEW),)),
    "five layers, local alone": Collection(
        (), (cell("bisenetv2", 0.5, scope="local", layers=FEW),)
    ),
}  # fmt: skip


QUICK = ("points above dense", "a network whose cells failed", "eleven budgets", "one layer")
"""The sweeps that are drawn in every run of the tests."""


def figures(collection: Collection, policy: Policy) -> Iterator[tuple[str, Figure]]:
    """Draw every picture, laid out as it is when it is saved."""
    import matplotlib

    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(RC)  # type: ignore[arg-type]
        for name, draw in _jobs(collection, policy):
            figure = draw()
            figure.draw_without_rendering()
            yield name, figure


def outside(figure: Figure) -> list[tuple[float, float]]:
    """Return points of lines and clouds that lie beyond the limits of their axes."""
    found = []
    for axes in figure.axes:
        (left, right), (low, high) = sorted(axes.get_xlim()), sorted(axes.get_ylim())
        for line in axes.lines:
            if line.get_transform() == axes.transData:
                found += [
                    (float(x), float(y)) for x, y in line.get_xydata()
                    if not (left <= x <= right and low <= y <= high)
                ]  # fmt: skip
        for cloud in axes.collections:
            found += [
                (x, y) for x, y in getattr(cloud, "get_offsets", list)()
                if len(cloud.get_offsets()) and not (left <= x <= right and low <= y <= high)
            ] if "PathCollection" in type(cloud).__name__ else []  # fmt: skip
        for bar in axes.patches:
            edge = bar.get_extents().x1 - axes.bbox.x1 if hasattr(bar, "get_width") else 0
            found += [(edge, 0.0)] if edge > 1 else []
    return found
