"""Choose what goes: least important first, until the budget is met, never below a layer's floor."""

from __future__ import annotations

import heapq
import itertools
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from segprune.core.axes import Term
from segprune.core.planning.widths import MinWidth
from segprune.errors import BudgetError

__all__ = [
    "TOLERANCE",
    "CostTracker",
    "Selection",
    "by_cost",
    "drop_in_order",
    "units_of",
]

TOLERANCE = 0.01
"""A budget is hit if the kept cost is below it by less than this share of the total cost."""

_EXCHANGE_SIZES = ((1, 0), (1, 1), (1, 2), (2, 1), (1, 3), (2, 2), (2, 3), (3, 2))
_EXCHANGE_WIDTH = {1: 1000, 2: 60, 3: 16, 4: 10, 5: 8}

Unit = tuple[int, ...]
"""Classes (by representative) that go together, such as a whole step of `round_to` channels."""


@dataclass(frozen=True)
class Selection:
    """The units to drop, and how close the result comes to the budget.

    Attributes:
        dropped: the units.
        share: the share of the total cost that is kept; at most the budget.
        above: the nearest share found above the budget, if the budget was missed; else None.
        missed: layers that keep another share of their channels than `layers` says -> "asked" and
            "kept".
    """

    dropped: list[Unit]
    share: float
    above: float | None = None
    missed: Mapping[str, Mapping[str, float]] = field(default_factory=dict)


class CostTracker:
    """The cost of the classes that are kept, and how far each axis is from its least width."""

    def __init__(self, terms: Sequence[Term], limits: Sequence[MinWidth], roots: NDArray[np.int64]):
        self._coefficient = [term.coefficient for term in terms]
        self._counts = [[len(axis) for axis in term.axes] for term in terms]
        self._value = [term.coefficient * math.prod(map(len, term.axes)) for term in terms]
        self._uses: dict[int, list[tuple[int, int, int]]] = {}
        for number, term in enumerate(terms):
            for place, axis in enumerate(term.axes):
                for root, count in counted(roots[axis]):
                    self._uses.setdefault(root, []).append((number, place, count))
        self._left = [len(limit.labels) - limit.least for limit in limits]
        self._bounds: dict[int, list[tuple[int, int]]] = {}
        for number, limit in enumerate(limits):
            for root, count in counted(roots[limit.labels]):
                self._bounds.setdefault(root, []).append((number, count))
        self.cost = self.total = sum(self._value)

    def allowed(self, unit: Unit) -> bool:
        """Return whether every axis keeps its least number of positions without this unit."""
        need: dict[int, int] = {}
        for root in unit:
            for number, count in self._bounds.get(root, ()):
                need[number] = need.get(number, 0) + count
        return all(self._left[number] >= count for number, count in need.items())

    def drop(self, unit: Unit) -> int:
        """Remove a unit and return what that saves."""
        return self._move(unit, -1)

    def saving(self, unit: Unit) -> int:
        """Return the cost that removing a unit would save now."""
        saved = self._move(unit, -1)
        self._move(unit, +1)
        return saved

    def restore(self, unit: Unit) -> int:
        """Take a unit back and return its cost, as a negative saving."""
        return self._move(unit, +1)

    def _move(self, unit: Unit, sign: int) -> int:
        touched: set[int] = set()
        for root in unit:
            for number, place, count in self._uses.get(root, ()):
                self._counts[number][place] += sign * count
                touched.add(number)
            for number, count in self._bounds.get(root, ()):
                self._left[number] += sign * count
        saved = 0
        for number in touched:
            value = self._coefficient[number] * math.prod(self._counts[number])
            saved += self._value[number] - value
            self._value[number] = value
        self.cost -= saved
        return saved


def counted(roots: NDArray[np.int64]) -> Iterator[tuple[int, int]]:
    """Yield each class with the number of its positions."""
    found, counts = np.unique(roots, return_counts=True)
    return zip(found.tolist(), counts.tolist(), strict=True)


def units_of(
    families: Iterable[Iterable[int]],
    score: NDArray[np.float64],
    times: Mapping[int, int],
    round_to: int,
) -> list[tuple[float, Unit]]:
    """Order classes by their scores, in steps that make widths multiples of `round_to`.

    Args:
        families: classes that occur in the same layers. Steps of them round the widths of all these
            layers; the first step makes a width a multiple if it is none.
        score: importance of each class, by its representative.
        times: how many positions of a layer a class takes.
    """
    scored: list[tuple[float, Unit]] = []
    for family in families:
        members = sorted(family, key=lambda root: (score[root], root))
        step = round_to // math.gcd(round_to, times[members[0]])
        first = len(members) % step or step
        for begin, end in itertools.pairwise([0, *range(first, len(members) + 1, step)]):
            unit = tuple(members[begin:end])
            scored.append((sum(float(score[root]) for root in unit) / len(unit), unit))
    return sorted(scored)


def by_cost(tracker: CostTracker, scored: Iterable[tuple[float, Unit]]) -> Iterator[Unit]:
    """Yield units in the order of score ÷ what removing them saves at the time.

    Savings only shrink as neighbours go, so a unit whose quotient is the least known one even after
    it was computed anew is the least of all.
    """
    heap = [(_quotient(tracker, score, unit), score, unit) for score, unit in scored]
    heapq.heapify(heap)
    while heap:
        _, score, unit = heapq.heappop(heap)
        now = _quotient(tracker, score, unit)
        if heap and now > heap[0][0]:
            heapq.heappush(heap, (now, score, unit))
        else:
            yield unit


def _quotient(tracker: CostTracker, score: float, unit: Unit) -> float:
    """Return the score of a unit, the mean of its classes, times their number, by its saving."""
    saved = tracker.saving(unit)
    return score * len(unit) / saved if saved else math.inf


def drop_in_order(
    tracker: CostTracker, units: Iterable[Unit], budget: float, *, name: str = "cost"
) -> Selection:
    """Choose the units to drop so that the kept cost is at most `budget` of the total.

    Units go in order. One that would overshoot by more than the tolerance is passed over in favour
    of finer ones; if none of these lands, small exchanges of dropped and kept units are tried. A
    budget that no choice hits is met from below.

    Args:
        budget: share of the total cost to keep, in (0, 1].
        name: what is counted, for error messages.

    Raises:
        BudgetError: floors and frozen channels do not allow it; the smallest reachable is named.
    """
    if not tracker.total and budget < 1:
        raise BudgetError(
            f"budget[{name!r}]: expected something to remove, found that no {name} may go; ask for "
            "1.0, or see trace(model, images).summary() for what stays and why."
        )
    ceiling = budget * tracker.total
    window = ceiling - TOLERANCE * tracker.total
    dropped: list[Unit] = []
    passed: list[Unit] = []
    for unit in units:
        if tracker.cost <= ceiling:
            break
        if not tracker.allowed(unit):
            continue
        tracker.drop(unit)
        if tracker.cost > window:
            dropped.append(unit)
        else:
            tracker.restore(unit)
            passed.append(unit)
    if tracker.cost > ceiling:
        return _exchange_units(tracker, dropped, passed, ceiling, window, name)
    return Selection(dropped, tracker.cost / tracker.total if tracker.total else 1.0)


def _exchange_units(
    tracker: CostTracker,
    dropped: list[Unit],
    passed: list[Unit],
    ceiling: float,
    window: float,
    name: str,
) -> Selection:
    """Drop some of the units that overshoot, and take back others that fit."""
    above = tracker.cost
    best: tuple[float, list[Unit]] | None = None
    for out, back in _exchanges(passed, dropped):
        if not _drop_all(tracker, out):
            continue
        for unit in back:
            tracker.restore(unit)
        cost = tracker.cost
        for unit in back:
            tracker.drop(unit)
        for unit in out:
            tracker.restore(unit)
        if cost > ceiling:
            above = min(above, cost)
        elif best is None or cost > best[0]:
            best = cost, [*(unit for unit in dropped if unit not in back), *out]
            if cost > window:
                return Selection(best[1], cost / tracker.total)
    chosen = best[1] if best else [*dropped, *passed]
    for unit in dropped:
        tracker.restore(unit)
    chosen = [unit for unit in chosen if _drop_all(tracker, (unit,))]
    if tracker.cost > ceiling:
        smallest = math.ceil(1e4 * tracker.cost / tracker.total) / 1e4  # rounded up
        raise BudgetError(
            f"budget[{name!r}]: expected a share that can be reached, found "
            f"{ceiling / tracker.total:.4f}; the smallest reachable is {smallest:.4f}. Ask for "
            "that or more, lower the floor (floor=, min_channels=), or ignore fewer layers."
        )
    gone: list[Unit] = []
    for unit in reversed(chosen):  # the most important return first
        tracker.restore(unit)
        if tracker.cost > ceiling:
            above = min(above, tracker.cost)
            tracker.drop(unit)
            gone.append(unit)
    missed = tracker.cost <= window
    return Selection(gone, tracker.cost / tracker.total, above / tracker.total if missed else None)


def _exchanges(
    passed: Sequence[Unit], dropped: Sequence[Unit]
) -> Iterator[tuple[tuple[Unit, ...], tuple[Unit, ...]]]:
    """Yield units to drop with units to take back for them, small exchanges first.

    Among the units passed over the least important go first; among the dropped ones the most
    important return first.
    """
    for drops, restores in _EXCHANGE_SIZES:
        width = _EXCHANGE_WIDTH[drops + restores]
        returning = list(reversed(dropped))[:width]
        for out in itertools.combinations(passed[:width], drops):
            for back in itertools.combinations(returning, restores):
                yield out, back


def _drop_all(tracker: CostTracker, units: Sequence[Unit]) -> bool:
    """Drop several units, or none if a floor forbids one of them."""
    for number, unit in enumerate(units):
        if not tracker.allowed(unit):
            for done in units[:number]:
                tracker.restore(done)
            return False
        tracker.drop(unit)
    return True
