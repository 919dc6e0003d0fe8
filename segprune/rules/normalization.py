"""Normalisation layers: per channel they carry labels, across channels they tie or freeze them."""

from __future__ import annotations

from segprune.axes import Axes, Axis
from segprune.operators import rule
from segprune.programs import Node, Value
from segprune.propagation import Propagation

__all__: list[str] = []


@rule(
    "batch_norm", "native_batch_norm", "_native_batch_norm_legit", "cudnn_batch_norm",
    "_native_batch_norm_legit_no_training", "_batch_norm_impl_index", "miopen_batch_norm",
    "instance_norm",
)  # fmt: skip
def batch_norm(p: Propagation, node: Node) -> None:
    """Entries of weight, bias and running statistics lie along the channels (axis 1)."""
    source: Value = node.arguments["input"]
    axes = dict(p.axes(source))
    channels = axes.get(1)
    zero = channels.zero if channels else False
    for name in ("weight", "bias", "running_mean", "running_var"):
        entries = node.arguments.get(name)
        if entries is None:
            continue
        p.tie(node, channels, p.axes(entries).get(0), f"{name} of a normalisation belongs to")
        if name == "weight":
            zero = True  # weight and bias are zeroed in the twin, whatever comes in
            p.scale(entries)
    if channels is not None:
        axes[1] = Axis(channels.labels, zero)
        p.attribute(node, "num_features", channels)
    p.set(node.outputs[0], axes)


@rule("group_norm", "native_group_norm")
def group_norm(p: Propagation, node: Node) -> None:
    """Statistics over groups of channels: whole groups go, or nothing does."""
    source: Value = node.arguments["input"]
    groups = int(node.arguments.get("num_groups", node.arguments.get("group", 1)))
    axes = {dim: axis for dim, axis in p.axes(source).items() if dim < 2}
    channels = axes.get(1)
    for name in ("weight", "bias"):
        entries = node.arguments.get(name)
        if entries is not None:
            p.tie(node, channels, p.axes(entries).get(0), f"{name} of a normalisation belongs to")
            if name == "weight":
                p.scale(entries)
    if channels is not None:
        if groups == 1:
            p.freeze(node, [channels], "group_norm with one group averages over all channels")
        else:
            blocks = channels.labels.reshape(groups, -1)
            p.labels.unite(blocks[:, :1], blocks)
            first, width = blocks[:, 0], blocks.shape[1]
            p.expect(node, "num_groups", first)
            p.expect(node, "group", first)
            p.expect(node, "C", channels.labels)
            p.attribute(node, "num_groups", channels, width)
            p.attribute(node, "num_channels", channels)
        affine = node.arguments.get("weight") is not None
        axes[1] = Axis(channels.labels, channels.zero or affine)
    p.set(node.outputs[0], axes)


@rule("layer_norm", "native_layer_norm", "rms_norm", "_fused_rms_norm")
def layer_norm(p: Propagation, node: Node) -> None:
    """Mean and variance over the last axes mix channels: they stay."""
    source: Value = node.arguments["input"]
    first = len(source.shape) - len(node.arguments["normalized_shape"])
    text = f"{node.name.removeprefix('aten.')} averages over channels"
    axes: Axes = {}
    for dim, axis in p.axes(source).items():
        if dim >= first:
            p.freeze(node, [axis], text)
        axes[dim] = Axis(axis.labels, False)
    for name in ("weight", "bias"):
        entries = node.arguments.get(name)
        if entries is not None:
            p.freeze_tensors(node, [entries], text)
    p.set(node.outputs[0], axes)


@rule("softmax", "_softmax", "log_softmax", "_log_softmax", "softmin")
def softmax(p: Propagation, node: Node) -> None:
    """Normalises over one axis: what is dropped there would change what is kept."""
    source = next(node.tensors())
    dim = int(node.arguments["dim"]) % max(len(source.shape), 1)
    axes: Axes = {}
    for own, axis in p.axes(source).items():
        if own == dim:
            text = f"{node.name.removeprefix('aten.')} over this axis mixes kept and dropped"
            p.freeze(node, [axis], text)
        axes[own] = Axis(axis.labels, False)
    p.set(node.outputs[0], axes)
