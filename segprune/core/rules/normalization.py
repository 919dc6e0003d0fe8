"""Normalisation layers: per channel they carry labels, across channels they tie or freeze them."""

from __future__ import annotations

from segprune.core.axes import Axes, Axis
from segprune.core.rules.operators import rule
from segprune.core.tracing.ir import Node, Value
from segprune.core.tracing.propagate import Propagation

__all__: list[str] = []


@rule(
    "batch_norm", "native_batch_norm", "_native_batch_norm_legit", "cudnn_batch_norm",
    "_native_batch_norm_legit_no_training", "_batch_norm_impl_index", "miopen_batch_norm",
    "instance_norm",
)  # fmt: skip
def batch_norm(p: Propagation, node: Node) -> None:
    """Entries of weight, bias and running statistics lie along the channels (axis 1)."""
    source: Value = node.arguments["input"]
    own_image = node.name == "aten.instance_norm"
    axes: Axes = {}
    for dim, axis in p.axes(source).items():
        if dim > 1 or (dim == 0 and not own_image):
            # Running statistics make no difference: in training it averages all the same.
            p.freeze(node, [axis], f"{_name(node)} averages over this axis")
        axes[dim] = Axis(axis.labels, False)
    channels = p.axes(source).get(1)
    for name in ("running_mean", "running_var"):
        entries = node.arguments.get(name)
        if entries is not None:
            p.tie(node, channels, p.axes(entries).get(0), f"{name} of a normalisation belongs to")
    if channels is not None:
        p.attribute(node, "num_features", channels)
    _affine_of_channels(p, node, channels, axes)
    p.set(node.outputs[0], axes)
    if channels is not None:
        _statistics(p, node, {0: channels})


def _statistics(p: Propagation, node: Node, axes: Axes) -> None:
    """Label the means and deviations that some variants return beside the result: not zero."""
    for output in node.outputs[1:]:
        if len(output.shape) > max(axes, default=-1) and 0 not in output.shape:
            p.set(output, {dim: Axis(axis.labels, False) for dim, axis in axes.items()})


def _name(node: Node) -> str:
    return node.name.removeprefix("aten.")


def _affine(node: Node) -> list[str]:
    return [name for name in ("weight", "bias") if node.arguments.get(name) is not None]


def _affine_of_channels(p: Propagation, node: Node, channels: Axis | None, axes: Axes) -> None:
    """Scale and shift each channel: zero in the twin where both are, or input and shift are."""
    zero = {"input": channels is not None and channels.zero, "weight": False, "bias": True}
    mean = node.arguments.get("running_mean")
    if mean is not None:  # subtracted in evaluation mode; forward may have computed it
        own = p.axes(mean).get(0)
        zero["input"] = zero["input"] and own is not None and own.zero
    for name in _affine(node):
        entries = node.arguments[name]
        own = p.axes(entries).get(0)
        zero[name] = own is not None and own.zero  # but not where forward computes it
        p.tie(node, channels, own, f"{name} of a normalisation belongs to")
        if name == "weight":
            p.scale(entries)
    if channels is not None:
        dropped = (zero["input"] or zero["weight"]) and zero["bias"]
        axes[1] = Axis(channels.labels, dropped)


@rule("group_norm", "native_group_norm")
def group_norm(p: Propagation, node: Node) -> None:
    """Statistics over groups of channels: whole groups go, or nothing does."""
    source: Value = node.arguments["input"]
    groups = int(node.arguments.get("num_groups", node.arguments.get("group", 1)))
    axes: Axes = {}
    for dim, axis in p.axes(source).items():
        if dim > 1:
            p.freeze(node, [axis], f"{_name(node)} averages over this axis")
        axes[dim] = Axis(axis.labels, dim == 0 and axis.zero and _affine(node) == [])
    channels = p.axes(source).get(1)
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
            _statistics(p, node, {1: Axis(first, False)})
    _affine_of_channels(p, node, channels, axes)
    p.set(node.outputs[0], axes)


@rule("layer_norm", "native_layer_norm", "rms_norm", "_fused_rms_norm")
def layer_norm(p: Propagation, node: Node) -> None:
    """Mean and variance over the last axes mix channels: they stay."""
    source: Value = node.arguments["input"]
    first = len(source.shape) - len(node.arguments["normalized_shape"])
    text = f"{_name(node)} averages over channels"
    only_scaled = "rms" in node.name
    axes: Axes = {}
    for dim, axis in p.axes(source).items():
        if dim >= first:
            p.freeze(node, [axis], text)
        axes[dim] = Axis(axis.labels, axis.zero and only_scaled)
    for name in ("weight", "bias"):
        entries = node.arguments.get(name)
        if entries is not None:
            p.freeze_tensors(node, [entries], text)
    p.set(node.outputs[0], axes)
    _statistics(p, node, {dim: axis for dim, axis in axes.items() if dim < first})


@rule("softmax", "_softmax", "log_softmax", "_log_softmax")
def softmax(p: Propagation, node: Node) -> None:
    """Normalises over one axis: what is dropped there would change what is kept."""
    source = next(node.tensors())
    dim = int(node.arguments["dim"]) % max(len(source.shape), 1)
    axes: Axes = {}
    for own, axis in p.axes(source).items():
        if own == dim:
            text = f"{_name(node)} over this axis mixes kept and dropped"
            p.freeze(node, [axis], text)
        axes[own] = Axis(axis.labels, False)
    p.set(node.outputs[0], axes)
