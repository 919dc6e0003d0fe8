"""Which axes may have caused a difference: those that change size before it, nearest first."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from segprune.core.tracing.bindings import Place
from segprune.core.tracing.ir import Node, Program, Value
from segprune.core.tracing.propagate import Propagation

__all__ = ["changing", "fits"]

_POWERS = (1.0, -1.0, 0.5, -0.5, 2.0, -2.0)


def changing(
    state: Propagation, number: int, program: Program, node: Node, keep: NDArray[np.bool_]
) -> Iterator[tuple[Place, int, int]]:
    """Axes that change size, nearest upstream first, then any earlier: place, old and new size."""
    before = program.nodes[: node.index]
    made_by = {value.index: other for other in before for value in other.outputs}
    ordered: dict[int, Value] = {}
    queue = list(node.tensors())
    while queue:
        value = queue.pop(0)
        if value.index not in ordered:
            ordered[value.index] = value
            maker = made_by.get(value.index)
            queue.extend(maker.tensors() if maker is not None else ())
    for other in reversed(before):
        for value in other.outputs:
            ordered.setdefault(value.index, value)
    for value in ordered.values():
        for dim, axis in sorted(state.final_axes(number, value).items(), reverse=True):
            dense, now = len(axis.labels), int(keep[axis.labels].sum())
            if now != dense:  # hence not frozen
                yield Place((number, node.index), value.index, dim), dense, now


def fits(numbers: tuple[float, float], dense: int, now: int) -> bool:
    """Whether a number could have been computed from this size."""
    before, after = numbers
    if before and after and before * after > 0:
        ratio = after / before
        if any(math.isclose(ratio, (now / dense) ** power, rel_tol=1e-6) for power in _POWERS):
            return True
    if after - before == now - dense:
        return True
    return before > 0 and before.is_integer() and after == now // max(1, round(dense / before))
