"""Convolutions: rows of the weight are new channels, columns belong to the input's channels."""

from __future__ import annotations

import math

import numpy as np

from segprune.core.axes import Axis
from segprune.core.labels import LabelVector
from segprune.core.rules.operators import rule
from segprune.core.tracing.ir import Node, Value
from segprune.core.tracing.propagate import Propagation

__all__: list[str] = []


@rule("conv1d", "conv2d", "conv3d", "convolution", "_convolution", "torchvision.deform_conv2d")
def convolution(p: Propagation, node: Node) -> None:
    """Plain, depthwise (with channel multiplier), and general grouped convolution."""
    if node.arguments.get("transposed"):
        transposed(p, node)
        return
    weight: Value = node.arguments["weight"]
    groups, deformable = _groups(node), node.name.startswith("torchvision")
    if deformable:
        text = "deformable convolution reads its offsets and mask by position"
        p.freeze_tensors(node, [node.arguments["offset"], node.arguments["mask"]], text)
    source, channels, rest = _input(p, node, weight)
    if deformable:
        _share_offsets(p, node, p.axes(source).get(channels))
    kernel = p.axes(weight)
    p.freeze(node, [axis for dim, axis in kernel.items() if dim > 1], "kernel position")
    columns, rows = kernel.get(1), p.computed(node, weight, kernel.get(0), 0)
    input_channels = p.axes(source).get(channels)

    if groups == 1:
        p.contract(node, input_channels, columns, "convolution reads")
        labels = rows.labels if rows else None
    else:
        p.freeze(node, [columns] if columns and weight.shape[1] == 1 else [], "one column a group")
        labels = _grouped(p, node, input_channels, rows, columns, groups, weight)
    _finish(p, node, weight, rows, labels, channels, rest, row_dim=0)
    output = node.outputs[0]
    positions = math.prod(output.shape[:channels] + output.shape[channels + 1 :])
    kernel_size = math.prod(weight.shape[2:])
    sizes = [rows_or_size(rows, weight, 0), rows_or_size(columns, weight, 1)]
    p.work(node, [positions, kernel_size, *sizes])


@rule("conv_transpose1d", "conv_transpose2d", "conv_transpose3d")
def transposed(p: Propagation, node: Node) -> None:
    """Transposed convolution: the weight is `(in, out / groups, …)`."""
    weight: Value = node.arguments["weight"]
    groups = _groups(node)
    source, channels, rest = _input(p, node, weight)
    kernel = p.axes(weight)
    p.freeze(node, [axis for dim, axis in kernel.items() if dim > 1], "kernel position")
    incoming, outgoing = kernel.get(0), p.computed(node, weight, kernel.get(1), 1)
    p.contract(node, p.axes(source).get(channels), incoming, "transposed convolution reads")
    labels = outgoing.labels if outgoing else None
    layer_rows, row_dim = outgoing, 1
    if groups > 1 and incoming is not None and outgoing is not None:
        blocks = incoming.labels.reshape(groups, -1)
        if _by_group(p, node, blocks, weight.shape[1]):
            p.labels.unite(blocks[:, :1], blocks)
            p.freeze(node, [outgoing], "one column a group")
            labels = np.repeat(blocks[:, 0], weight.shape[1])
            p.expect(node, "groups", blocks[:, 0])
            layer_rows, row_dim = incoming, 0
        else:
            p.labels.unite(blocks[:1], blocks)
            labels = np.tile(outgoing.labels, groups)
    _finish(p, node, weight, layer_rows, labels, channels, rest, row_dim)
    positions = math.prod(source.shape[:channels] + source.shape[channels + 1 :])
    kernel_size = math.prod(weight.shape[2:])
    sizes = [rows_or_size(incoming, weight, 0), rows_or_size(outgoing, weight, 1)]
    p.work(node, [positions, kernel_size, *sizes])


def rows_or_size(axis: Axis | None, value: Value, dim: int) -> Axis | int:
    """The labelled axis if there is one, else its size: a factor of an operator's work."""
    return axis if axis is not None else value.shape[dim]


def _groups(node: Node) -> int:
    return int(node.arguments.get("groups", node.arguments.get("n_weight_grps", 1)))


def _input(p: Propagation, node: Node, weight: Value) -> tuple[Value, int, dict[int, Axis]]:
    """The input, its channel axis (0 when there is no batch axis), and its labelled batch axis."""
    source: Value = node.arguments["input"]
    channels = len(source.shape) - len(weight.shape) + 1
    axes = p.axes(source)
    spatial = [axis for dim, axis in axes.items() if dim > channels]
    p.freeze(node, spatial, f"{node.name} slides over this axis")
    return source, channels, {dim: axis for dim, axis in axes.items() if dim < channels}


def _share_offsets(p: Propagation, node: Node, incoming: Axis | None) -> None:
    """Tie consecutive channels that share offsets: these groups stay equal in size."""
    if incoming is not None:
        blocks = incoming.labels.reshape(
            node.arguments.get("offset_groups", node.arguments.get("n_offset_grps", 1)), -1
        )
        p.labels.unite(blocks[:1], blocks)


def _grouped(
    p: Propagation,
    node: Node,
    incoming: Axis | None,
    rows: Axis | None,
    columns: Axis | None,
    groups: int,
    weight: Value,
) -> LabelVector | None:
    if incoming is None or rows is None:
        axes = [axis for axis in (incoming, rows, columns) if axis is not None]
        p.freeze(node, axes, "grouped convolution of an axis that has no channels to remove")
        return rows.labels if rows else None
    ins = incoming.labels.reshape(groups, -1)
    outs = rows.labels.reshape(groups, -1)
    if ins.shape[1] == 1 or _by_group(p, node, ins, outs.shape[1]):
        # Whole groups go: depthwise, also with a channel multiplier (Conv2d(C, 6C, groups=C)).
        p.labels.unite(ins[:, :1], ins)
        p.labels.unite(ins[:, :1], outs)
        if columns is not None:
            p.freeze(node, [columns], "one column a group")
        first = ins[:, 0]
        p.expect(node, "groups", first)
        p.expect(node, "n_weight_grps", first)
    else:
        # Position k of every group goes, so that groups stay equal.
        p.labels.unite(ins[:1], ins)
        p.labels.unite(outs[:1], outs)
        if columns is not None:
            p.labels.unite(columns.labels, ins[0])
    return rows.labels


def _by_group(p: Propagation, node: Node, blocks: LabelVector, outgoing: int) -> bool:
    """Whether whole groups should go, rather than one position of every group.

    Ties that exist already decide; else the reading that leaves more classes to choose from.
    """
    roots = p.labels.find(blocks)
    groups, width = blocks.shape
    if width > 1 and (roots == roots[:, :1]).all():
        options = ("group", "position")
    elif (roots == roots[:1]).all() or width + outgoing >= groups:
        options = ("position", "group")
    else:
        options = ("group", "position")
    return p.reading(node, options) == "group"


def _finish(
    p: Propagation,
    node: Node,
    weight: Value,
    rows: Axis | None,
    labels: LabelVector | None,
    channels: int,
    rest: dict[int, Axis],
    row_dim: int,
) -> None:
    """Tie the bias to the rows, label the output, remember the layer."""
    bias: Value | None = node.arguments.get("bias")
    axes = {dim: Axis(axis.labels, False) for dim, axis in rest.items()}
    if labels is not None:
        zero = rows.zero if rows is not None else True
        if bias is not None:
            offset = p.axes(bias).get(0)
            whole = Axis(labels, zero)
            p.tie(node, whole, offset, "a bias is added to")
            zero = zero and offset is not None and offset.zero
        axes[channels] = Axis(labels, zero)
        if rows is not None:
            p.layer(node, weight, Axis(rows.labels, True), row_dim)
    elif bias is not None:
        p.freeze_tensors(node, [bias], "bias of a layer whose weight has no channels to remove")
    p.set(node.outputs[0], axes)
