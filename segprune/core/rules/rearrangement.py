"""Joining, cutting and shuffling along an axis of channels."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from segprune.core.axes import Axes, Axis
from segprune.core.rules.operators import rule
from segprune.core.tracing.ir import Node, Value
from segprune.core.tracing.propagate import Propagation

__all__: list[str] = []

_CUT = ("separate", "tied", "prefix")


@rule("cat", "concat", "concatenate")
def cat(p: Propagation, node: Node) -> None:
    """Labels are joined as the channels are; the same tensor twice brings its labels twice."""
    output = node.outputs[0]
    rank = len(output.shape)
    parts = [v for v in node.tensors() if len(v.shape) == rank]  # skips legacy empty (0,) tensors
    dim = int(node.arguments.get("dim", 0)) % rank
    known = [p.axes(part).get(dim) for part in parts]
    result: Axes = {}
    for other in range(rank):
        if other != dim and any(other in p.axes(part) for part in parts):
            axis = _aligned(p, node, [p.axes(part).get(other) for part in parts])
            if axis is not None:
                result[other] = axis
    if any(known):
        vectors = []
        for part, axis in zip(parts, known, strict=True):
            labels = axis.labels if axis is not None else p.labels.fresh(part.shape[dim])
            if axis is None:
                p.labels.freeze(labels, p.reason(node, "joined values without channels"))
            vectors.append(labels)
        zero = all(axis.zero for axis in known if axis is not None)
        result[dim] = Axis(np.concatenate(vectors), zero)
    p.set(output, result)


def _aligned(p: Propagation, node: Node, axes: Sequence[Axis | None]) -> Axis | None:
    """Axes beside the joined one must lose the same positions everywhere."""
    labelled = [axis for axis in axes if axis is not None]
    if len(labelled) < len(axes):
        p.freeze(node, labelled, f"{node.name} joins them beside values without channels")
    for axis in labelled[1:]:
        p.labels.unite(labelled[0].labels, axis.labels)
    return Axis(labelled[0].labels, all(axis.zero for axis in labelled)) if labelled else None


@rule("stack")
def stack(p: Propagation, node: Node) -> None:
    """A new axis, without channels of its own."""
    output, parts = node.outputs[0], list(node.tensors())
    dim = int(node.arguments.get("dim", 0)) % len(output.shape)
    result: Axes = {}
    for own in range(len(output.shape) - 1):
        axis = _aligned(p, node, [p.axes(part).get(own) for part in parts])
        if axis is not None:
            result[own + (own >= dim)] = axis
    p.set(output, result)


def _cut(p: Propagation, node: Node, axis: Axis, boundaries: Sequence[int], equal: bool) -> None:
    """A cut through channels has several meanings; probing finds the first that holds.

    separate: every part keeps what it likes (`torch.split(x, [a.shape[1], b.shape[1]])`);
    tied: parts of equal size lose the same positions (`x.chunk(2)`, `x[:, : c // 2]`);
    prefix: positions up to a literal boundary all stay (`x[:, 10:]`).
    """
    size = len(axis.labels)
    inner = sorted({bound for bound in boundaries if 0 < bound < size})
    if not inner:
        return
    for begin, end in zip([0, *inner], [*inner, size], strict=True):
        p.part(axis.labels[begin:end])
    meaning = p.reading(node, _CUT[1:] if equal else _CUT)
    if meaning == "tied":
        blocks = axis.labels.reshape(-1, math.gcd(size, *inner))
        p.labels.unite(blocks[:1], blocks)
    elif meaning == "prefix":
        text = f"{node.name.removeprefix('aten.')} cuts at a fixed number of channels"
        p.labels.freeze(axis.labels[: inner[-1]], p.reason(node, text))


@rule("slice")
def slice_(p: Propagation, node: Node) -> None:
    """`x[:, a:b]`."""
    source, output = next(node.tensors()), node.outputs[0]
    dim = int(node.arguments.get("dim", 0)) % len(source.shape)
    axes = dict(p.axes(source))
    axis = axes.get(dim)
    if axis is not None:
        size, step = source.shape[dim], int(node.arguments.get("step", 1))
        start, end = _bounds(node, size)
        if step != 1:
            p.freeze(node, [axis], "a slice with steps picks channels by their position")
        else:
            _cut(p, node, axis, (start, end), equal=False)
            before, until = axis.labels[:start], axis.labels[:end]
            p.expect(node, "start", before)
            p.expect(node, "end", until)
        axes[dim] = Axis(axis.labels[start:end:step], axis.zero)
    p.set(output, axes)


def _bounds(node: Node, size: int) -> tuple[int, int]:
    start = node.arguments.get("start") or 0
    end = node.arguments.get("end")
    end = size if end is None else end
    start, end = (max(0, min(size, bound + size if bound < 0 else bound)) for bound in (start, end))
    return int(start), max(int(start), int(end))


@rule("split", "split_with_sizes", "unsafe_split", "unsafe_split_with_sizes", "chunk",
      "unsafe_chunk", "tensor_split", "hsplit")  # fmt: skip
def split(p: Propagation, node: Node) -> None:
    """Consecutive parts, one output each."""
    source = next(node.tensors())
    rank = len(source.shape)
    # hsplit names no axis: it splits the second one, or a vector's only one
    dim = min(1, rank - 1) if node.name == "aten.hsplit" else int(node.arguments["dim"]) % rank
    axes = p.axes(source)
    ends = np.cumsum([output.shape[dim] for output in node.outputs]).tolist()
    axis = axes.get(dim)
    if axis is not None:
        _cut(p, node, axis, ends, equal="chunk" in node.name)
    begin = 0
    for output, end in zip(node.outputs, ends, strict=True):
        own = dict(axes)
        if axis is not None:
            own[dim] = Axis(axis.labels[begin:end], axis.zero)
        p.set(output, own)
        begin = end
    for argument in ("split_size", "split_sizes", "sections", "indices"):
        p.expect(node, argument, None)


@rule("select", "unbind")
def select(p: Propagation, node: Node) -> None:
    """One position of an axis: where channels lie, those before it must not move."""
    source = next(node.tensors())
    rank = len(source.shape)
    dim = int(node.arguments.get("dim", 0)) % rank
    axes = p.axes(source)
    if dim in axes:
        last = int(node.arguments.get("index", -1))
        until = None if last < 0 else last + 1
        text = f"{node.name.removeprefix('aten.')} picks a channel by its position"
        p.labels.freeze(axes[dim].labels[:until], p.reason(node, text))
    rest = {own - (own > dim): axis for own, axis in axes.items() if own != dim}
    for output in node.outputs:
        p.set(output, dict(rest))


@rule("index_select")
def index_select(p: Propagation, node: Node) -> None:
    source = node.arguments["self"]
    dim = int(node.arguments["dim"]) % len(source.shape)
    axes = dict(p.axes(source))
    if dim in axes:
        p.freeze(node, [axes.pop(dim)], "index_select picks channels by their position")
    p.set(node.outputs[0], axes)


@rule("pixel_shuffle")
def pixel_shuffle(p: Propagation, node: Node) -> None:
    """r² consecutive channels become one (Shi et al., CVPR 2016)."""
    width = int(node.arguments["upscale_factor"]) ** 2
    _regroup(p, node, 3, width, f"{node.name} moves this axis", merge=True)


def _regroup(
    p: Propagation, node: Node, trailing: int, width: int, moved: str, *, merge: bool
) -> None:
    """Turn `width` consecutive channels into one (`merge`), or one into `width`.

    Args:
        trailing: the channels are this axis of the input, counted from the last one.
        moved: why the axes behind the channels are frozen.
    """
    source: Value = node.arguments["self"]
    channels = len(source.shape) - trailing
    axes = p.axes(source)
    p.freeze(node, [a for d, a in axes.items() if d > channels], moved)
    result = {dim: axis for dim, axis in axes.items() if dim < channels}
    if channels in axes:
        labels = axes[channels].labels
        if merge:
            blocks = labels.reshape(-1, width)
            p.labels.unite(blocks[:, :1], blocks)
            labels = blocks[:, 0]
        else:
            labels = np.repeat(labels, width)
        result[channels] = Axis(labels, axes[channels].zero)
    p.set(node.outputs[0], result)


@rule("pixel_unshuffle")
def pixel_unshuffle(p: Propagation, node: Node) -> None:
    """One channel becomes r² consecutive ones."""
    width = int(node.arguments["downscale_factor"]) ** 2
    _regroup(p, node, 3, width, f"{node.name} moves this axis", merge=False)


@rule("im2col")
def im2col(p: Propagation, node: Node) -> None:
    """`F.unfold`: channel c becomes k² consecutive ones."""
    window = int(np.prod(node.arguments["kernel_size"]))
    _regroup(p, node, 3, window, "unfold moves this axis", merge=False)


@rule("col2im")
def col2im(p: Propagation, node: Node) -> None:
    """`F.fold`: k² consecutive channels become one."""
    window = int(np.prod(node.arguments["kernel_size"]))
    _regroup(p, node, 2, window, "fold moves this axis", merge=True)


@rule("channel_shuffle", "native_channel_shuffle")
def channel_shuffle(p: Propagation, node: Node) -> None:
    """Transposes (groups, C / groups) (Zhang et al., CVPR 2018): groups must stay equal."""
    source: Value = node.arguments["self"]
    axes = dict(p.axes(source))
    if 1 in axes:
        blocks = axes[1].labels.reshape(int(node.arguments["groups"]), -1)
        p.labels.unite(blocks[:1], blocks)
        axes[1] = Axis(blocks.T.reshape(-1), axes[1].zero)
    p.set(node.outputs[0], axes)
