"""Positions picked by tensors of indices: exact on axes without channels, which pass through."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from segprune.core.axes import Axes, Axis
from segprune.core.rules.elementwise import finish
from segprune.core.rules.operators import rule
from segprune.core.tracing.ir import Node, Value
from segprune.core.tracing.propagate import Propagation

__all__: list[str] = []

_MASKS = (torch.bool, torch.uint8)


@rule("index", "_unsafe_index")
def index(p: Propagation, node: Node) -> None:
    """`x[:, :, rows, columns]`, `x[..., mask]`: the axes that no index names pass through."""
    source: Value = node.arguments["self"]
    places = _places(p, node, source)
    axes = p.axes(source)
    p.set(node.outputs[0], {places[dim]: axis for dim, axis in axes.items() if dim in places})


def _places(p: Propagation, node: Node, source: Value) -> dict[int, int]:
    """Map each axis that no index names to its place in the result; freeze the other axes.

    The axes of the indices stand where the named axes stood, or first if those are not neighbours
    (the rule of NumPy's advanced indexing). A mask names as many axes as it has.
    """
    named: list[int] = []
    dim = rank = 0
    for item in node.arguments["indices"]:
        mask = isinstance(item, Value) and item.dtype in _MASKS
        width = len(item.shape) if mask else 1
        if isinstance(item, Value):
            p.freeze_tensors(node, [item], "positions to pick")
            named += range(dim, dim + width)
            rank = max(rank, 1 if mask else len(item.shape))
        dim += width
    axes = p.axes(source)
    picked = [axes[dim] for dim in named if dim in axes]
    p.freeze(node, picked, f"{node.name.removeprefix('aten.')} picks channels by their position")
    together = named == list(range(named[0], named[-1] + 1))
    first = named[0] if together else 0
    rest = [dim for dim in range(len(source.shape)) if dim not in named]
    return {dim: place + rank * (place >= first) for place, dim in enumerate(rest)}


@rule("index_put", "_unsafe_index_put")
def index_put(p: Propagation, node: Node) -> None:
    """`x[:, :, rows] = values`: the values have the channels of the tensor that gets them."""
    target, values = node.arguments["self"], node.arguments["values"]
    places = _places(p, node, target)
    written = p.axes(values)
    rank = max([len(values.shape), *(place + 1 for place in places.values())])
    offset = rank - len(values.shape)
    result: Axes = dict(p.axes(target))
    for dim, place in places.items():
        own = place - offset
        stretched = own < 0 or values.shape[own] == 1 != target.shape[dim]
        new = None if stretched else written.get(own)
        known = result.get(dim)
        if known is None and new is None:
            continue
        if not stretched:
            p.tie(node, known, new, "values are written into")
        axis = known or new
        assert axis is not None
        both = known is not None and new is not None and known.zero and new.zero
        result[dim] = Axis(axis.labels, both)
    finish(p, node, result)


@rule("gather")
def gather(p: Propagation, node: Node) -> None:
    """Gather by position along one axis; along the others, indices lie beside what they pick."""
    source, positions = node.arguments["self"], node.arguments["index"]
    dim = int(node.arguments["dim"]) % max(len(source.shape), 1)
    axes, own = p.axes(source), p.axes(positions)
    if dim in axes:
        p.freeze(node, [axes[dim]], "gather picks channels by their position")
    result: Axes = {dim: Axis(own[dim].labels, False)} if dim in own else {}
    for other in sorted({*axes, *own} - {dim}):
        if source.shape[other] != positions.shape[other]:
            text = "gather reads a part of this axis"
            p.freeze(node, [a[other] for a in (axes, own) if other in a], text)
            continue
        p.tie(node, axes.get(other), own.get(other), "gather picks beside")
        if other in axes:
            result[other] = axes[other]
    p.set(node.outputs[0], result)


@rule("unfold")
def unfold(p: Propagation, node: Node) -> None:
    """`Tensor.unfold`: windows of one axis, their positions on a new last axis."""
    source: Value = node.arguments["self"]
    dim = int(node.arguments["dimension"]) % max(len(source.shape), 1)
    _pass_beside(p, node, [dim], "unfold slides over this axis")


@rule("_fft_r2c", "_fft_c2r", "_fft_c2c")
def fourier(p: Propagation, node: Node) -> None:
    """Discrete Fourier transforms are linear: a channel of zeros gives zeros."""
    _pass_beside(p, node, node.arguments["dim"], "a Fourier transform mixes this axis")


@rule("view_as_real", "view_as_complex")
def complex_view(p: Propagation, node: Node) -> None:
    """Real and imaginary parts lie along a last axis of two."""
    last = [len(next(node.tensors()).shape) - 1] if node.name.endswith("complex") else []
    _pass_beside(p, node, last, "real and imaginary parts")


@rule("tril", "triu")
def triangle(p: Propagation, node: Node) -> None:
    """Zero a triangle of the last two axes."""
    _pass_beside(p, node, [-1, -2], f"{node.name.removeprefix('aten.')} goes by position")


@rule("cummax", "cummin", "logcumsumexp")
def accumulate(p: Propagation, node: Node) -> None:
    """Accumulate along one axis; places of extrema, and logarithms of sums, are not zero."""
    sums = node.name.endswith("exp")
    _pass_beside(p, node, [node.arguments["dim"]], f"{node.name} mixes this axis", zero=not sums)


def _pass_beside(
    p: Propagation, node: Node, dims: Sequence[int], text: str, *, zero: bool = True
) -> None:
    """Freeze the named axes; the others keep their place in every output."""
    source = next(node.tensors())
    rank = max(len(source.shape), 1)
    named = {dim % rank for dim in dims}
    axes = p.axes(source)
    p.freeze(node, [axis for dim, axis in axes.items() if dim in named], text)
    rest = {dim: axis for dim, axis in axes.items() if dim not in named}
    for number, output in enumerate(node.outputs):
        first = zero and number == 0
        p.set(output, {dim: Axis(axis.labels, axis.zero and first) for dim, axis in rest.items()})
