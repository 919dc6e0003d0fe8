"""Other meanings of operators where the first that fits freezes channels that could go."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from segprune.axes import Site
from segprune.programs import Node
from segprune.propagation import OUTPUT, Propagation
from segprune.settlement import Settlement

__all__ = ["free_up"]

_LADDER = "prefix"


def free_up(settlement: Settlement, propagate: Callable[[Settlement], Propagation]) -> bool:
    """Prefer other meanings where they free channels; whether any is now preferred.

    `view(N, heads, C // heads)` may lose whole heads, or as much of every head: where the rest of
    the code freezes the one, the other is left. Calls of one line of code change together. Trials
    must then show that the other meaning holds.
    """
    state = propagate(settlement)
    settlement.bound(state)
    score, changed = _freedom(state), False
    options = settlement.options
    for sites in _alternatives(settlement, state):
        before = dict(settlement.preferred)
        settlement.preferred.update(sites)
        settlement.weighed.update(sites.items())
        other = propagate(settlement)
        settlement.bound(other)
        if _freedom(other) > score:
            score, changed = _freedom(other), True
        else:
            settlement.preferred = before
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
