"""The sweep as points: every strategy at every budget, with each way to recover, and its speed.

A strategy is an importance within a scope. Cells that differ in nothing but the seed are one point.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from segprune.errors import InputError
from segprune.gates.policy import Policy
from segprune.records.score import Score
from segprune.records.sweep import RECOVERIES, CellRecord, LayerWidth, SpeedRecord
from segprune.reporting.store import Collection
from segprune.reporting.trained import mean, require_alike

__all__ = ["Point", "Strategy", "Sweep", "sweep_of"]


@dataclass(frozen=True, order=True)
class Strategy:
    """An importance within a scope: it decides which channels go."""

    importance: str
    scope: str

    def __str__(self) -> str:
        return f"{self.importance}/{self.scope}"


@dataclass(frozen=True)
class Point:
    """One strategy at one budget, recovered in one way.

    Attributes:
        budget: what is limited, and to which share: ("macs", 0.5).
        mious: of each seed that came to an end, in [0, 1]; empty where all failed.
        macs, params: shares of the dense network's, means over the seeds; 0 where all failed.
        widths: of the first seed.
        speed: measured against the dense network on one CPU thread, or None.
        failures: of seeds that failed.
    """

    network: str
    budget: tuple[str, float]
    strategy: Strategy
    recovery: str
    seeds: tuple[int, ...]
    mious: tuple[float, ...]
    macs: float
    params: float
    widths: tuple[LayerWidth, ...]
    speed: SpeedRecord | None
    failures: tuple[str, ...]

    @property
    def miou(self) -> float:
        """Mean over the seeds, in [0, 1]."""
        return mean(self.mious)


@dataclass(frozen=True)
class Network:
    """The dense network of a sweep.

    Attributes:
        score: the teacher's; `source`: digest of its file.
        dense_ms: median over all measurements of its own time of one call, on one CPU thread, as
            measured beside the pruned ones; None where none was.
    """

    name: str
    params: int
    macs: int
    score: Score
    source: str
    dense_ms: float | None


@dataclass(frozen=True)
class Sweep:
    """All cells of a data set.

    Attributes:
        budgets: from large to small; strategies: in the order of their names.
    """

    data: str
    cells: tuple[CellRecord, ...]
    networks: tuple[Network, ...]
    budgets: tuple[tuple[str, float], ...]
    strategies: tuple[Strategy, ...]
    points: tuple[Point, ...]

    def find(
        self,
        network: str,
        *,
        budget: tuple[str, float] | None = None,
        recovery: str | None = None,
        strategy: Strategy | None = None,
    ) -> list[Point]:
        """Points with a score, as far as they match."""
        return [
            point
            for point in self.points
            if point.mious
            and point.network == network
            and budget in (None, point.budget)
            and recovery in (None, point.recovery)
            and strategy in (None, point.strategy)
        ]

    def best(
        self,
        network: str,
        budget: tuple[str, float],
        recovery: str | None = None,
        *,
        by: Literal["miou", "speed"] = "miou",
    ) -> list[Point]:
        """Matching points, best first; by speed only those that were measured, one a plan."""
        found = self.find(network, budget=budget, recovery=recovery)
        if by == "miou":
            return sorted(found, key=lambda point: (-point.miou, point.strategy))
        once = {p.speed.candidate_plan: p for p in found if p.speed is not None}
        return sorted(once.values(), key=lambda point: (-speedup(point), point.strategy))

    def nearest(self, network: str, share: float) -> tuple[str, float] | None:
        """Return the nearest budget to a share at which a network has a score, or None."""
        found = {point.budget for point in self.find(network)}
        return min(found, key=lambda budget: (abs(budget[1] - share), budget), default=None)

    @property
    def has_scores(self) -> bool:
        """Whether any cell has a score; without one there is nothing to draw."""
        return any(point.mious for point in self.points)

    @property
    def recoveries(self) -> tuple[str, ...]:
        """Ways to recover that occur, from nothing to everything."""
        found = {point.recovery for point in self.points}
        return tuple(recovery for recovery in RECOVERIES if recovery in found)


def slowest(found: Sequence[SpeedRecord]) -> SpeedRecord | None:
    """Return the measurement with the lowest speed-up, or None if there is none."""
    return min(found, key=lambda record: (record.speed.low, record.name), default=None)


def speedup(point: Point) -> float:
    """Return the speed-up of a point that was measured."""
    assert point.speed is not None
    return point.speed.speed.speedup


def ms(network: Network, point: Point) -> float | None:
    """Return the time of one call, from the paired ratio and the dense network's median time.

    The ratio of a pair is stable while the clock drifts; the raw time is not.
    """
    if point.speed is None or network.dense_ms is None:
        return None
    return network.dense_ms / point.speed.speed.speedup


def sweep_of(collection: Collection, data: str, policy: Policy) -> Sweep | None:
    """Return the sweep on a data set, made of all of its runs, or None if there is none.

    Args:
        policy: says on what input speed counts.

    Raises:
        InputError: cells that cannot be compared with one another, or that contradict each other.
    """
    cells = tuple(cell for cell in collection.cells if cell.data == data)
    if not cells:
        return None
    names = sorted({cell.network for cell in cells})
    for name in names:
        own = [cell for cell in cells if cell.network == name]
        require_alike(
            f"cells of {name}",
            {
                "dense network": [cell.source for cell in own],
                "validation split": [cell.validation_digest for cell in own],
                "input size": [cell.input for cell in own],
            },
            sorted({cell.sweep for cell in own}),
            "Keep one of the sweeps.",
        )
    groups: dict[tuple[str, tuple[str, float], Strategy, str], list[CellRecord]] = {}
    for cell in cells:
        key = (
            cell.network,
            _budget(cell),
            Strategy(cell.importance, cell.scope),
            cell.recovery,
        )
        groups.setdefault(key, []).append(cell)
    at = policy.speed_input(data, cells[0].input)
    speeds = [speed for speed in collection.speeds if speed.at == at]
    points = tuple(_point(*key, own, speeds) for key, own in groups.items())
    budgets = sorted({p.budget for p in points}, key=lambda b: (b[0], -b[1]))
    return Sweep(
        data=data,
        cells=cells,
        networks=tuple(_network(name, cells, points) for name in names),
        budgets=tuple(budgets),
        strategies=tuple(sorted({p.strategy for p in points})),
        points=tuple(sorted(points, key=_order)),
    )


def _order(point: Point) -> tuple[str, str, float, int, Strategy]:
    kind, share = point.budget
    return point.network, kind, -share, RECOVERIES.index(point.recovery), point.strategy


def _budget(cell: CellRecord) -> tuple[str, float]:
    ((kind, share),) = cell.budget.items()
    return kind, share


def _point(
    network: str,
    budget: tuple[str, float],
    strategy: Strategy,
    recovery: str,
    cells: Sequence[CellRecord],
    speeds: Iterable[SpeedRecord],
) -> Point:
    own = sorted(cells, key=lambda cell: (cell.seed, cell.sweep))
    seeds = [cell.seed for cell in own]
    if len(set(seeds)) < len(seeds):
        raise InputError(
            f"cells of {network}, {strategy}, {recovery}: expected one a seed, found several in "
            f"{', '.join(f'{cell.sweep}/{cell.cell}' for cell in own)}; remove all but one."
        )
    done = [(cell, cell.outcome) for cell in own if cell.outcome is not None]
    plans = {outcome.plan for _, outcome in done}
    measured = [
        speed
        for speed in speeds
        if speed.candidate_plan in plans
        and (speed.speed.device, speed.speed.threads) == ("cpu", 1)
        and speed.reference_artifact in (None, own[0].source)
    ]
    return Point(
        network=network,
        budget=budget,
        strategy=strategy,
        recovery=recovery,
        seeds=tuple(seeds),
        mious=tuple(outcome.score.miou for _, outcome in done),
        macs=mean([o.macs / cell.dense_macs for cell, o in done]) if done else 0,
        params=mean([o.params / cell.dense_params for cell, o in done]) if done else 0,
        widths=done[0][1].widths if done else (),
        speed=slowest(measured),
        failures=tuple(cell.failure or "" for cell in own if cell.outcome is None),
    )


def _network(name: str, cells: Sequence[CellRecord], points: Sequence[Point]) -> Network:
    cell = next(cell for cell in cells if cell.network == name)
    speeds = {
        point.speed.candidate_plan: point.speed.speed.reference_ms
        for point in points
        if point.network == name and point.speed is not None
    }
    times = sorted(speeds.values())
    middle = times[len(times) // 2] if times else None
    return Network(name, cell.dense_params, cell.dense_macs, cell.dense_score, cell.source, middle)
