"""Sums, means, extrema and norms: over other axes channels pass, over channels they freeze."""

from __future__ import annotations

from segprune.core.axes import Axes, Axis
from segprune.core.rules.operators import rule
from segprune.core.tracing.ir import Node
from segprune.core.tracing.propagate import Propagation

__all__: list[str] = []


def _dims(node: Node, rank: int) -> set[int]:
    """Axes that are reduced; none named means all."""
    dims = node.arguments.get("dim")
    if dims is None or (isinstance(dims, (list, tuple)) and not dims):
        return set(range(rank))
    listed = dims if isinstance(dims, (list, tuple)) else [dims]
    return {int(dim) % max(rank, 1) for dim in listed}


def _reduce(p: Propagation, node: Node, exact_over_zeros: bool, keeps_zero: bool) -> None:
    source = next(node.tensors())
    rank = len(source.shape)
    dims, keep = _dims(node, rank), bool(node.arguments.get("keepdim"))
    axes: Axes = {}
    position = 0
    for dim in range(rank):
        axis = p.axes(source).get(dim)
        if dim in dims:
            if axis is not None and not (exact_over_zeros and axis.zero):
                text = f"{node.name.removeprefix('aten.')} over channels mixes kept and dropped"
                p.freeze(node, [axis], text)
            position += keep
            continue
        if axis is not None:
            axes[position] = Axis(axis.labels, axis.zero and keeps_zero)
        position += 1
    for number, output in enumerate(node.outputs):
        shown = {d: Axis(a.labels, a.zero and number == 0) for d, a in axes.items()}
        p.set(output, shown if output.shape or not shown else {})


@rule("sum", "norm", "linalg_vector_norm", "count_nonzero", "nansum", "any")
def exact(p: Propagation, node: Node) -> None:
    """Zeros add nothing: exact over channels that are zero where they were dropped."""
    _reduce(p, node, exact_over_zeros=_order(node) >= 0, keeps_zero=True)


def _order(node: Node) -> float:
    """Return the order of a norm (0 counts what is not zero), or a positive number otherwise."""
    order = node.arguments.get("ord", node.arguments.get("p", 2))
    return float(order) if isinstance(order, (int, float)) else 2.0


@rule(
    "mean", "amax", "amin", "max", "min", "aminmax", "median", "nanmean",
    "var", "std", "var_mean", "std_mean", "argmax", "argmin", "prod", "all", "mode", "kthvalue",
)  # fmt: skip
def mixing(p: Propagation, node: Node) -> None:
    """Mix channels: the result depends on the dropped ones, but zeros alone give zero."""
    if node.name in ("aten.max", "aten.min") and "other" in node.arguments:
        from segprune.core.rules.elementwise import joint

        joint(p, node)
        return
    _reduce(p, node, exact_over_zeros=False, keeps_zero=True)


@rule("logsumexp")
def logsumexp(p: Propagation, node: Node) -> None:
    _reduce(p, node, exact_over_zeros=False, keeps_zero=False)


@rule("cumsum", "cumprod", "flip", "roll", "sort", "argsort", "topk")
def along(p: Propagation, node: Node) -> None:
    """Reorders or accumulates along axes: channels lie still only on the others."""
    source = next(node.tensors())
    rank = len(source.shape)
    dims = node.arguments.get("dims", node.arguments.get("dim"))
    listed = dims if isinstance(dims, (list, tuple)) else [dims]
    moved = {int(dim) % max(rank, 1) for dim in listed if dim is not None} or set(range(rank))
    axes: Axes = {}
    for dim, axis in p.axes(source).items():
        if dim in moved:
            p.freeze(node, [axis], f"{node.name.removeprefix('aten.')} moves or mixes channels")
        else:
            axes[dim] = axis
    for number, output in enumerate(node.outputs):
        values = number == 0 and node.name != "aten.argsort"  # the others are places
        p.set(output, {d: Axis(a.labels, a.zero and values) for d, a in axes.items()})
