"""Other meanings of operators where the first that fits freezes channels that could go."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from segprune.core.axes import Site
from segprune.core.tracing.ir import Node
from segprune.core.tracing.propagate import OUTPUT, Propagation
from segprune.core.tracing.refine import Settlement

__all__ = ["Alternatives"]

_LADDER = "prefix"
_TRIALS = 8


class Alternatives:
    """Tries other meanings once trials agree with the first ones, and keeps what frees more.

    `view(N, heads, C // heads)` may lose whole heads, or as much of every head: where the rest of
    the code freezes the one, the other is left. Calls of one line of code change together.
    """

    def __init__(self, propagate: Callable[[Settlement], Propagation]) -> None:
        self._propagate = propagate
        self._before: tuple[tuple[int, int], Settlement] | None = None
        self._together = True
        self._trials = 0

    def refuted(self, settlement: Settlement, state: Propagation) -> Settlement | None:
        """What to return to, once what was preferred frees nothing any more; else None.

        Asked before every trial: a network has only so many for this.

        Args:
            state: the labels that `settlement` leads to.
        """
        if self._before is None:
            return None
        self._trials += 1
        if self._trials <= _TRIALS and _freedom(state) > self._before[0]:
            return None
        (_, restored), self._before = self._before, None
        if not self._together:
            restored.weighed |= settlement.weighed
        self._together = False  # one of several lines may still be right
        return restored

    def next(self, settlement: Settlement, state: Propagation) -> bool:
        """Prefer other meanings, after a trial without differences; whether any may free more.

        Args:
            state: the labels that `settlement` leads to.
        """
        self._before = None
        freedom, before = _freedom(state), settlement.copy()
        if self._trials >= _TRIALS or not self._prefer(settlement, freedom):
            return False
        self._before = (freedom, before)
        return True

    def _prefer(self, settlement: Settlement, freedom: tuple[int, int]) -> bool:
        """Prefer other meanings where they seem to free channels; whether any does."""
        state, options, changed = self._propagate(settlement), settlement.options, False
        settlement.bound(state)
        for sites in _alternatives(settlement, state):
            preferred = dict(settlement.preferred)
            settlement.preferred.update(sites)
            settlement.weighed.update(sites.items())
            other = self._propagate(settlement)
            settlement.bound(other)
            if _freedom(other) > freedom:
                freedom, changed = _freedom(other), True
                if not self._together:
                    break
            else:
                settlement.preferred = preferred
        settlement.options = options
        return changed


def _freedom(state: Propagation) -> tuple[int, int]:
    """How many output channels of layers may go, and in how many classes."""
    rows = np.concatenate([layer.rows for layer in state.layers.values()] or [np.arange(0)])
    free = rows[~state.labels.is_frozen(rows)]
    return len(free), len(np.unique(state.labels.find(free)))


def _alternatives(settlement: Settlement, state: Propagation) -> list[dict[Site, str]]:
    """Other meanings of operators that work on frozen channels, line by line."""
    lines: dict[tuple[str, str], dict[Site, str]] = {}
    for site, options in state.options.items():
        node = state.programs[site[0]].nodes[site[1]]
        chosen = state.chosen(site)
        if chosen is None or _LADDER in options or not _is_frozen(state, site[0], node):
            continue
        done = {chosen, *settlement.refuted.get(site, ())}
        for option in options:
            if option not in done and (site, option) not in settlement.weighed:
                lines.setdefault((str(node.source), option), {})[site] = option
    return list(lines.values())


def _is_frozen(state: Propagation, program: int, node: Node) -> bool:
    """Whether an operator works on channels none of which may go, outputs of the network apart."""
    axes = (
        axis.labels
        for value in (*node.tensors(), *node.outputs)
        for axis in state.final_axes(program, value).values()
        if len(axis.labels) > 1
    )
    return any(
        state.labels.is_frozen(labels).all() and state.labels.reason(labels[0]) is not OUTPUT
        for labels in axes
    )
