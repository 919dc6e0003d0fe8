"""Views: labels are reshaped with the axis they lie on, and stay a product of axes."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np

from segprune.core.axes import Axes, Axis
from segprune.core.labels import LabelVector
from segprune.core.rules.elementwise import finish
from segprune.core.rules.operators import rule
from segprune.core.tracing.ir import Node
from segprune.core.tracing.propagate import Propagation

__all__ = ["axis_groups"]


def axis_groups(
    before: Sequence[int], after: Sequence[int]
) -> Iterator[tuple[list[int], list[int]]]:
    """Smallest runs of axes that hold the same elements before and after a view.

    `(2, 3, 4, 5) -> (6, 4, 5)` gives `([0, 1], [0])`, `([2], [1])`, `([3], [2])`. Axes of size 1
    are left out on both sides: they come and go freely.
    """
    olds = [dim for dim, size in enumerate(before) if size != 1]
    news = [dim for dim, size in enumerate(after) if size != 1]
    i = j = 0
    while i < len(olds) and j < len(news):
        group_old, group_new = [olds[i]], [news[j]]
        product_old, product_new = before[olds[i]], after[news[j]]
        i, j = i + 1, j + 1
        while product_old != product_new:
            if product_old < product_new:
                product_old *= before[olds[i]]
                group_old.append(olds[i])
                i += 1
            else:
                product_new *= after[news[j]]
                group_new.append(news[j])
                j += 1
        yield group_old, group_new


@rule("view", "reshape", "_unsafe_view", "flatten", "unflatten", "squeeze", "unsqueeze",
      "_reshape_alias", "reshape_as", "view_as", "ravel", "_reshape_copy")  # fmt: skip
def view(p: Propagation, node: Node) -> None:
    """All operators that keep the order of elements."""
    source, output = next(node.tensors()), node.outputs[0]
    for argument in ("size", "shape", "sizes", "stride"):
        p.expect(node, argument, None)
    if source.dtype != output.dtype or math.prod(source.shape) == 0:
        p.freeze_tensors(node, [source], f"{node.name} reinterprets memory")
        return
    axes = p.axes(source)
    result: Axes = {}
    for olds, news in axis_groups(source.shape, output.shape):
        labelled = [dim for dim in olds if dim in axes]
        if not labelled:
            continue
        for dim in labelled[:-1]:
            text = f"{node.name} merges it with another axis that has channels"
            p.freeze(node, [axes[dim]], text)
        chosen = labelled[-1]
        if len(olds) == len(news) == 1:
            result[news[0]] = axes[chosen]
            continue
        shape = [source.shape[dim] for dim in olds]
        if not _keeps_channels_together(olds, olds.index(chosen), news):
            p.freeze(node, [axes[chosen]], f"{node.name} regroups channels with positions")
            continue
        along = [1] * len(olds)
        along[olds.index(chosen)] = -1
        spread = np.broadcast_to(axes[chosen].labels.reshape(along), shape)
        dim, labels = _product(p, node, spread.reshape([output.shape[d] for d in news]), news)
        result[dim] = Axis(labels, axes[chosen].zero)
    finish(p, node, result)


def _keeps_channels_together(olds: Sequence[int], chosen: int, news: Sequence[int]) -> bool:
    """Whether a view splits and joins channels by themselves, or with what lies inside of them.

    `(N, HW, C) -> (N, C, H, W)` without a transposition lets every channel hold parts of others,
    and which ones depends on the height and width. Batches (axis 0) are the same for all channels.
    """
    outside = [dim for dim in olds[:chosen] if dim != 0]
    return len(news) == 1 or not outside


def _product(
    p: Propagation, node: Node, labels: LabelVector, dims: Sequence[int]
) -> tuple[int, LabelVector]:
    """The one axis of `dims` that shrinks, and its labels; the other axes are tied."""
    roots = p.labels.find(labels)
    varying = [dim for dim in range(roots.ndim) if (roots != np.take(roots, [0], axis=dim)).any()]
    if not varying:
        text = "shuffles, splits or shortcuts tie all of these channels to one another"
        p.labels.freeze(roots.reshape(-1)[:1], p.reason(node, text))
        varying = [dim for dim in range(roots.ndim) if roots.shape[dim] > 1]
    chosen = varying[-1]
    if len(varying) > 1 and not p.labels.is_frozen(roots.reshape(-1)).all():
        order = _likeliest(varying, labels.shape, _inferred(node), dims)
        reading = p.reading(node, tuple(f"axis {dims[dim]} shrinks" for dim in order))
        chosen = next(dim for dim in order if reading == f"axis {dims[dim]} shrinks")
    lines = np.moveaxis(labels, chosen, 0).reshape(labels.shape[chosen], -1)
    p.labels.unite(lines[:, :1], lines)
    if len(lines) > 1:
        p.part(lines[:, 0])
    return dims[chosen], lines[:, 0]


def _likeliest(
    varying: Sequence[int], shape: Sequence[int], inferred: int | None, dims: Sequence[int]
) -> list[int]:
    """Axes over which labels vary, the one that most probably shrinks first.

    That is the one given as -1. Else the innermost, as in `view(N, groups, C // groups, …)` and
    `view(N, L, heads, C // heads)`: the literal is usually the outer one.
    """
    rest = sorted(varying[:-1], key=lambda dim: -shape[dim])
    order = [varying[-1], *rest]
    return sorted(order, key=lambda dim: dims[dim] != inferred)


def _inferred(node: Node) -> int | None:
    """The axis of the result whose size is left open with -1."""
    for name in ("size", "shape", "sizes"):
        sizes = node.arguments.get(name)
        if isinstance(sizes, (list, tuple)) and -1 in sizes:
            rank = len(next(node.tensors()).shape)
            return int(node.arguments.get("dim", 0)) % rank + list(sizes).index(-1)
    return None


@rule("permute", "transpose", "t", "swapaxes", "swapdims", "movedim", "permute_copy")
def permute(p: Propagation, node: Node) -> None:
    """Axes change places; their labels go with them."""
    source, output = next(node.tensors()), node.outputs[0]
    rank = len(source.shape)
    order = list(range(rank))
    if "dims" in node.arguments:
        order = [int(dim) % rank for dim in node.arguments["dims"]]
    elif node.name == "aten.t":
        order.reverse()
    elif "source" in node.arguments:
        moved_from, moved_to = (node.arguments[key] for key in ("source", "destination"))
        shape = np.moveaxis(np.empty(range(1, rank + 1)), moved_from, moved_to).shape
        order = [size - 1 for size in shape]
    else:
        one, other = (int(node.arguments[k]) % max(rank, 1) for k in _pair(node))
        if rank:
            order[one], order[other] = order[other], order[one]
    axes = p.axes(source)
    moved = {new: axes[old] for new, old in enumerate(order) if old in axes}
    (p.write if node.in_place else p.set)(output, moved)


def _pair(node: Node) -> tuple[str, str]:
    return ("dim0", "dim1") if "dim0" in node.arguments else ("axis0", "axis1")


@rule("expand", "expand_as", "broadcast_to", "expand_copy")
def expand(p: Propagation, node: Node) -> None:
    """A stretched axis gets labels without slots: all its positions are equal."""
    source, output = next(node.tensors()), node.outputs[0]
    offset = len(output.shape) - len(source.shape)
    axes = p.axes(source)
    result: Axes = {}
    for dim, size in enumerate(output.shape):
        own = dim - offset
        if own >= 0 and source.shape[own] == size:
            if own in axes:
                result[dim] = axes[own]
        elif size > 1:
            result[dim] = Axis(p.labels.fresh(size), False)
    p.expect(node, "size", None)
    p.set(output, result)


@rule("repeat", "tile")
def repeat(p: Propagation, node: Node) -> None:
    """`x.repeat(1, 2, 1, 1)`: labels repeat."""
    source, output = next(node.tensors()), node.outputs[0]
    offset = len(output.shape) - len(source.shape)
    axes = p.axes(source)
    result: Axes = {}
    for dim, size in enumerate(output.shape):
        own = dim - offset
        length = source.shape[own] if own >= 0 else 1
        if own in axes and length > 1:
            result[dim] = Axis(np.tile(axes[own].labels, size // length), axes[own].zero)
        elif length == 1 and size > 1:
            result[dim] = Axis(p.labels.fresh(size), False)
    p.expect(node, "repeats", None)
    p.expect(node, "dims", None)
    p.set(output, result)


@rule("repeat_interleave")
def repeat_interleave(p: Propagation, node: Node) -> None:
    source, output = next(node.tensors()), node.outputs[0]
    dim, times = node.arguments.get("dim"), node.arguments.get("repeats")
    axes = dict(p.axes(source))
    if dim is None or not isinstance(times, int):
        p.freeze_tensors(node, node.tensors(), "repeat_interleave over all axes")
        return
    own = int(dim) % len(source.shape)
    if own in axes:
        axes[own] = Axis(np.repeat(axes[own].labels, times), axes[own].zero)
    p.expect(node, "output_size", None)
    p.set(output, axes)
