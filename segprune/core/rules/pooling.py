"""Operators over spatial axes that treat every channel alike: pooling, resizing, padding."""

from __future__ import annotations

import numpy as np

from segprune.core.axes import Axes, Axis
from segprune.core.rules.operators import rule
from segprune.core.tracing.ir import Node, Value
from segprune.core.tracing.propagate import Propagation

__all__: list[str] = []

_POOLS = (
    "avg_pool1d avg_pool2d avg_pool3d max_pool1d max_pool2d max_pool3d max_pool2d_with_indices "
    "max_pool3d_with_indices max_pool1d_with_indices adaptive_avg_pool1d adaptive_avg_pool2d "
    "adaptive_avg_pool3d _adaptive_avg_pool2d _adaptive_avg_pool3d adaptive_max_pool1d "
    "adaptive_max_pool2d adaptive_max_pool3d fractional_max_pool2d "
    "upsample_nearest1d upsample_nearest2d upsample_nearest3d upsample_bilinear2d "
    "upsample_linear1d upsample_trilinear3d upsample_bicubic2d _upsample_nearest_exact2d "
    "_upsample_bilinear2d_aa _upsample_bicubic2d_aa reflection_pad1d reflection_pad2d "
    "replication_pad1d replication_pad2d"
)
_SPATIAL_RANK = {"1": 1, "2": 2, "3": 3}


def _rank(name: str) -> int:
    return next(rank for digit, rank in _SPATIAL_RANK.items() if f"{digit}d" in name)


@rule(*_POOLS.split())
def spatial(p: Propagation, node: Node) -> None:
    """Channels pass; zeros stay zeros (weights sum to one, or a maximum is taken)."""
    source = next(node.tensors())
    first = len(source.shape) - _rank(node.name)
    axes = p.axes(source)
    moved = [axis for dim, axis in axes.items() if dim >= first]
    p.freeze(node, moved, f"{node.name.removeprefix('aten.')} slides over this axis")
    for number, output in enumerate(node.outputs):
        kept = {d: Axis(a.labels, a.zero and number == 0) for d, a in axes.items() if d < first}
        p.set(output, kept)


@rule("max_unpool2d", "max_unpool3d")
def unpool(p: Propagation, node: Node) -> None:
    """Values return to where the indices say, channel by channel."""
    source, indices = node.arguments["self"], node.arguments["indices"]
    rank = _rank(node.name)
    first = len(source.shape) - rank
    both = p.broadcast(node, [source, indices], source.shape, lambda flags: flags[0] is True)
    text = f"{node.name.removeprefix('aten.')} slides over this axis"
    p.freeze(node, [axis for dim, axis in both.items() if dim >= first], text)
    p.set(node.outputs[0], {dim: axis for dim, axis in both.items() if dim < first})


@rule("constant_pad_nd", "pad")
def pad(p: Propagation, node: Node) -> None:
    """Padding of spatial axes passes channels on; padded channels (a widening shortcut) stay."""
    source = node.arguments["self"]
    amounts = list(node.arguments["pad"])
    value = node.arguments.get("value") or 0
    mode = node.arguments.get("mode", "constant")
    axes: Axes = {}
    for dim, axis in p.axes(source).items():
        place = 2 * (len(source.shape) - 1 - dim)
        before, after = (amounts[place], amounts[place + 1]) if place < len(amounts) else (0, 0)
        if before == after == 0:
            axes[dim] = axis
        elif mode != "constant" or before < 0 or after < 0:
            p.freeze(node, [axis], f"{node.name} with mode {mode} over channels")
        else:
            extra = p.labels.fresh(before + after)
            p.labels.freeze(extra, p.reason(node, "padding"))
            labels = np.concatenate([extra[:before], axis.labels, extra[before:]])
            axes[dim] = Axis(labels, axis.zero)
    if value != 0:  # the border of a dropped channel holds the value, not zero
        axes = {dim: Axis(axis.labels, False) for dim, axis in axes.items()}
    p.set(node.outputs[0], axes)


@rule("grid_sampler", "grid_sampler_2d", "grid_sampler_3d")
def grid_sampler(p: Propagation, node: Node) -> None:
    source: Value = node.arguments["input"]
    p.freeze_tensors(node, [node.arguments["grid"]], "sampling positions of grid_sample")
    axes = p.axes(source)
    p.freeze(node, [axis for dim, axis in axes.items() if dim > 1], "grid_sample moves this axis")
    p.set(node.outputs[0], {dim: axis for dim, axis in axes.items() if dim < 2})
