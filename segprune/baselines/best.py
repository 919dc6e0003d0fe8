"""The best figures that a case was ever accepted with, since a reason was given for less.

A new acceptance is compared with these, and not only with the last one: many small steps, each
within what rounding may change, would add up to a large one that nobody gave a reason for.
"""

from __future__ import annotations

from collections.abc import Mapping

from segprune.baselines.record import Baseline

__all__ = ["best_after", "best_of", "figures_of", "words_of", "worse"]

_POINTS = 1e-4  # of IoU in [0, 1]: what another machine's rounding may change
_SIZES = ("params", "macs", "activation_bytes")
_SPEEDUP = "speed-up"


def figures_of(baseline: Baseline) -> dict[str, float]:
    """What may not get worse without a reason, by name; of the speed-up the lower end.

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
    """What the next acceptance is compared with: the best figures in the file, its own among them.

    A file of an older version has only its own.
    """
    own, best = figures_of(baseline), baseline.best or {}
    return {
        **best,
        **{name: _better(name, best.get(name, now), now) for name, now in own.items()},
    }


def best_after(old: Baseline | None, new: Baseline) -> dict[str, float]:
    """The best figures once `new` is accepted: what got worse, for a reason, begins anew."""
    found, before = figures_of(new), {} if old is None else best_of(old)
    fallen = worse(before, new)
    return {
        name: now if name in fallen or name not in before else _better(name, before[name], now)
        for name, now in found.items()
    }


def worse(best: Mapping[str, float], new: Baseline) -> dict[str, float | None]:
    """Figures of a baseline that are worse than the best, by more than rounding or noise.

    Returns:
        The figure as it is now; None where there is none any more.
    """
    found = figures_of(new)
    return {
        name: found.get(name)
        for name, before in best.items()
        if name not in found or _is_worse(name, before, _upper(name, found[name], new))
    }


def words_of(name: str, value: float | None) -> str:
    """A figure as messages give it: points of IoU, counts, or a ratio."""
    if value is None:
        return "nothing"
    if name in _SIZES:
        return f"{value:,.0f}"
    return f"×{value:.2f}" if name == _SPEEDUP else f"{100 * value:.2f}"


def _upper(name: str, value: float, baseline: Baseline) -> float:
    """The most that a measurement still allows: a speed-up has sunk if all of its interval has."""
    return baseline.speed.comparison.high if name == _SPEEDUP else value


def _is_worse(name: str, before: float, now: float) -> bool:
    if name in _SIZES:
        return now > before
    return now < before - (0 if name == _SPEEDUP else _POINTS)


def _better(name: str, one: float, other: float) -> float:
    return min(int(one), int(other)) if name in _SIZES else max(one, other)
