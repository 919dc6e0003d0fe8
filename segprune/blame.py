"""From a difference between trial and prediction to the labels that must be frozen for it."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from segprune.labels import Reason
from segprune.probing import Mismatch
from segprune.propagation import Axes, Propagation, Site, Veto
from segprune.recording import Node, Program, Value

__all__ = ["blame"]

_POWERS = (1.0, -1.0, 0.5, -0.5, 2.0, -2.0)


def blame(
    mismatch: Mismatch,
    state: Propagation,
    keep: NDArray[np.bool_],
    readings: dict[Site, int],
    vetoes: list[Veto],
) -> None:
    """Refute the current reading of the operator, or freeze what lies upstream of it.

    An operator with wrong shapes has a next reading, the last being "its inputs are frozen". A number
    computed from a pruned size, or another path through the user's code, was caused further up: the
    nearest axis above that changes size, and fits the number, is frozen.
    """
    program = state.programs[mismatch.site[0]]
    node = program.nodes[mismatch.site[1]]
    if mismatch.kind != "path" and not state.exhausted(mismatch.site):
        if mismatch.numbers is None or state.options.get(mismatch.site) or _takes_sizes(node):
            readings[mismatch.site] = readings.get(mismatch.site, 0) + 1
            return
    candidates = list(_changing(state, mismatch.site[0], program, node, keep))
    fitting = [c for c in candidates if mismatch.numbers and _fits(mismatch.numbers, c[2], c[3])]
    chosen = (fitting or candidates)[:1]
    what = "number computed from a size that pruning changes" if mismatch.numbers else "forward"
    text = f"{what}: {node.name.removeprefix('aten.')}: {mismatch.text}"
    reason = Reason(text, str(node.source) if node.source else None, node.module)
    for value, dim, _, _ in chosen:
        vetoes.append(Veto(mismatch.site[0], value.index, dim, reason))
    if not chosen:
        readings[mismatch.site] = readings.get(mismatch.site, 0) + 1


def _takes_sizes(node: Node) -> bool:
    """Whether numbers among the arguments are sizes of the result rather than values."""
    return any(key in node.arguments for key in ("groups", "num_groups", "start", "size", "pad"))


def _changing(
    state: Propagation, number: int, program: Program, node: Node, keep: NDArray[np.bool_]
) -> Iterator[tuple[Value, int, int, int]]:
    """Axes that change size, nearest upstream first, then any earlier one: value, dim, sizes."""
    made_by = {
        value.index: other
        for other in program.nodes[: node.index]
        for value in other.outputs
    }
    seen: set[int] = set()
    queue = list(node.tensors())
    order: list[Value] = []
    while queue:
        value = queue.pop(0)
        if value.index in seen:
            continue
        seen.add(value.index)
        order.append(value)
        maker = made_by.get(value.index)
        if maker is not None:
            queue.extend(maker.tensors())
    earlier = [v for other in reversed(program.nodes[: node.index]) for v in other.outputs]
    for value in [*order, *(v for v in earlier if v.index not in seen)]:
        axes: Axes = state.final_axes(number, value)
        for dim, axis in sorted(axes.items(), reverse=True):
            frozen = state.labels.is_frozen(axis.labels)
            dense, now = len(axis.labels), int(keep[axis.labels].sum())
            if not frozen.all() and now != dense:
                yield value, dim, dense, now


def _fits(numbers: tuple[float, float], dense: int, now: int) -> bool:
    """Whether a number could have been computed from this size."""
    before, after = numbers
    if before and after and before * after > 0:
        ratio = after / before
        if any(math.isclose(ratio, (now / dense) ** power, rel_tol=1e-6) for power in _POWERS):
            return True
    if after - before == now - dense:
        return True
    return before > 0 and before.is_integer() and after == now // max(1, round(dense / before))
