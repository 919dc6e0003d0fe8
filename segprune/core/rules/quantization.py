"""Fake quantisation: numbers are rounded to a grid that holds zero; scales belong to channels.

A zero stays zero, because every quantisation scheme of torch maps it to its zero point. Observers
widen the range that they have seen to hold zero, too, so that a dropped channel of zeros does not
change the grid of the others.
"""

from __future__ import annotations

from segprune.core.axes import Axis
from segprune.core.rules.operators import rule
from segprune.core.tracing.ir import Node, Value
from segprune.core.tracing.propagate import Propagation

__all__: list[str] = []


@rule("fake_quantize_per_tensor_affine", "_fake_quantize_learnable_per_tensor_affine")
def per_tensor(p: Propagation, node: Node) -> None:
    """One scale for all channels."""
    source, *grid = node.tensors()
    p.freeze_tensors(node, grid, "the scale of all channels")
    p.set(node.outputs[0], p.axes(source))


@rule("fake_quantize_per_channel_affine", "_fake_quantize_learnable_per_channel_affine")
def per_channel(p: Propagation, node: Node) -> None:
    """A scale and a zero point for each position of one axis."""
    source, *grid = node.tensors()
    _belongs(p, node, source, grid, node.arguments["axis"])
    p.set(node.outputs[0], p.axes(source))


@rule("_fused_moving_avg_obs_fq_helper", "fused_moving_avg_obs_fake_quant")
def observed(p: Propagation, node: Node) -> None:
    """Observe ranges (`FusedMovingAvgObsFakeQuantize`) over the tensor or over each channel."""
    source: Value = node.arguments["self"]
    axes = p.axes(source)
    names = ("running_min", "running_max", "scale", "zero_point")
    grid = [node.arguments[name] for name in names]
    channel = None
    if node.arguments["per_row_fake_quant"]:
        channel = int(node.arguments["ch_axis"]) % len(source.shape)
        _belongs(p, node, source, grid, channel)
    else:
        p.freeze_tensors(node, grid, "the range of all channels")
    mixed = [axis for dim, axis in axes.items() if dim != channel and not axis.zero]
    p.freeze(node, mixed, "an observer takes its range over channels that are not zero once masked")
    for number, output in enumerate(node.outputs):
        p.set(output, {d: Axis(a.labels, a.zero and number == 0) for d, a in axes.items()})


def _belongs(p: Propagation, node: Node, source: Value, grid: list[Value], dim: int) -> None:
    channels = p.axes(source).get(dim % len(source.shape))
    for entries in grid:
        p.tie(node, channels, p.axes(entries).get(0), "a scale of quantisation belongs to")
