"""The best accepted figures of a case, since a worse figure was last accepted with a reason.

A new acceptance is compared with these figures, and not only with the last ones. Otherwise many
small steps, each as small as rounding, would add up to a large loss without a reason.
"""

from __future__ import annotations

from collections.abc import Mapping

from segprune.records.baseline import Baseline

__all__ = ["best_after", "best_of", "figures_of", "words_of", "worse"]

_POINTS = 1e-4  # IoU in [0, 1]: rounding on another machine may change it by this much
_SIZES = ("params", "macs", "activation_bytes")
_SPEEDUP = "speed-up"


def figures_of(baseline: Baseline) -> dict[str, float]:
    """Return the figures that may not get worse without a reason; for the speed-up the lower end.

    IoUs are shares in [0, 1]. A class without an IoU or without a floor has no entry.
    """
    accuracy, floors, classes = baseline.accuracy, baseline.floors, baseline.data.classes
    found: dict[str, float | None] = {
        "mIoU": accuracy.score.miou,
        "floor of mIoU": floors.miou,
        "mIoU of dense": accuracy.dense.miou,
    }
    scores = zip(classes, accuracy.score.class_iou, strict=False)
    found |= {f"IoU of {name}": iou for name, iou in scores}
    found |= {f"floor of {name}": floor for name, floor in floors.class_iou.items()}
    found |= {name: getattr(baseline.size.pruned, name) for name in _SIZES}
    found[_SPEEDUP] = baseline.speed.comparison.low
    return {name: value for name, value in found.items() if value is not None}


def best_of(baseline: Baseline) -> dict[str, float]:
    """Return the figures that the next acceptance is compared with: the best ones in the file.

    The file's own figures are among them; a file of an older version has no others.
    """
    own, best = figures_of(baseline), baseline.best or {}
    return {
        **best,
        **{name: _better(name, best.get(name, now), now) for name, now in own.items()},
    }


def best_after(old: Baseline | None, new: Baseline) -> dict[str, float]:
    """Return the best figures once `new` is accepted; a figure that got worse starts anew."""
    found, before = figures_of(new), {} if old is None else best_of(old)
    fallen = worse(before, new)
    return {
        name: now if name in fallen or name not in before else _better(name, before[name], now)
        for name, now in found.items()
    }


def worse(best: Mapping[str, float], new: Baseline) -> dict[str, float | None]:
    """Find figures of a baseline that are worse than the best by more than rounding or noise.

    Returns:
        Their present values; None where the baseline has no such figure now.
    """
    found = figures_of(new)
    return {
        name: found.get(name)
        for name, before in best.items()
        if name not in found or _is_worse(name, before, _upper(name, found[name], new))
    }


def words_of(name: str, value: float | None) -> str:
    """Format a figure for messages: points of IoU, a count, or a ratio."""
    if value is None:
        return "nothing"
    if name in _SIZES:
        return f"{value:,.0f}"
    return f"×{value:.2f}" if name == _SPEEDUP else f"{100 * value:.2f}"


def _upper(name: str, value: float, baseline: Baseline) -> float:
    """Return a figure's upper end: a speed-up is worse only if its whole interval is."""
    return baseline.speed.comparison.high if name == _SPEEDUP else value


def _is_worse(name: str, before: float, now: float) -> bool:
    if name in _SIZES:
        return now > before
    return now < before - (0 if name == _SPEEDUP else _POINTS)


def _better(name: str, one: float, other: float) -> float:
    return min(int(one), int(other)) if name in _SIZES else max(one, other)
