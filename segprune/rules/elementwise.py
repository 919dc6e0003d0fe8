"""Operators that treat every position alike: unary functions, arithmetic, selection, copies."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from segprune.axes import Axes, Axis
from segprune.operators import rule
from segprune.programs import Node, Value
from segprune.propagation import Propagation

__all__: list[str] = []

Flags = Sequence[bool | None]


def _all_zero(flags: Flags) -> bool:
    return all(flag is True for flag in flags)


def _any_zero(flags: Flags) -> bool:
    return any(flag is True for flag in flags)


def _never_zero(flags: Flags) -> bool:
    return False


def finish(p: Propagation, node: Node, axes: Axes) -> None:
    """Label the first output; an in-place operator overwrites what it was given."""
    if node.in_place:
        p.write(node.outputs[0], axes)
    else:
        p.set(node.outputs[0], axes)


def _combine(p: Propagation, node: Node, zero: Callable[[Flags], bool]) -> None:
    if node.outputs:
        finish(p, node, p.broadcast(node, list(node.tensors()), node.outputs[0].shape, zero))


@rule(
    "relu", "relu6", "leaky_relu", "elu", "celu", "selu", "gelu", "silu", "mish", "hardswish",
    "tanh", "softsign", "neg", "abs", "sqrt", "sin", "tan", "asin", "atan", "sinh", "asinh", "erf",
    "expm1", "log1p", "round", "floor", "ceil", "trunc", "sign", "square", "nan_to_num",
    "positive", "dropout", "feature_dropout", "hardshrink", "softshrink", "tanhshrink", "rrelu",
    "clone", "contiguous", "detach", "alias", "lift_fresh", "lift_fresh_copy", "to", "_to_copy",
    "type_as", "float", "half", "double", "bfloat16", "requires_grad", "rad2deg",
    "_conj", "resolve_conj", "resolve_neg", "cpu", "cuda", "pin_memory",
)  # fmt: skip
def keeps_zero(p: Propagation, node: Node) -> None:
    """Functions with f(0) = 0; the first tensor alone decides (`type_as` has a second)."""
    source = next(node.tensors())
    finish(p, node, p.broadcast(node, [source], node.outputs[0].shape, _all_zero))


@rule(
    "sigmoid", "hardsigmoid", "exp", "exp2", "cos", "cosh", "acos", "softplus", "log_sigmoid",
    "erfc", "logical_not", "bitwise_not", "eq", "ne", "lt", "le", "gt", "ge", "isnan", "isinf",
    "isfinite", "digamma", "lgamma", "logit", "erfinv", "acosh", "atanh",
)  # fmt: skip
def loses_zero(p: Propagation, node: Node) -> None:
    """Functions with f(0) != 0, and comparisons: a masked channel is not zero behind them."""
    _combine(p, node, _never_zero)


@rule("hardtanh")
def hardtanh(p: Propagation, node: Node) -> None:
    inside = node.arguments["min_val"] <= 0 <= node.arguments["max_val"]
    _combine(p, node, _all_zero if inside else _never_zero)


@rule("threshold")
def threshold(p: Propagation, node: Node) -> None:
    inside = node.arguments["threshold"] < 0 or node.arguments["value"] == 0
    _combine(p, node, _all_zero if inside else _never_zero)


@rule("clamp", "clamp_min", "clamp_max", "clip")
def clamp(p: Propagation, node: Node) -> None:
    low, high = node.arguments.get("min"), node.arguments.get("max")
    scalar = not isinstance(low, Value) and not isinstance(high, Value)
    inside = scalar and (low is None or low <= 0) and (high is None or high >= 0)
    _combine(p, node, _all_zero if inside else _never_zero)


@rule("add", "sub", "rsub", "__add__", "__sub__", "logical_or", "logical_xor", "bitwise_or")
def addition(p: Propagation, node: Node) -> None:
    other = node.arguments["other"]
    constant = not isinstance(other, Value) and other != 0
    _combine(p, node, _never_zero if constant else _all_zero)


@rule("maximum", "minimum", "fmax", "fmin", "lerp", "hypot", "atan2")
def joint(p: Propagation, node: Node) -> None:
    """Zero only where every operand is."""
    _combine(p, node, _all_zero)


@rule("mul", "__mul__", "logical_and", "bitwise_and", "multiply")
def multiplication(p: Propagation, node: Node) -> None:
    _combine(p, node, _any_zero)


@rule("addcmul")
def addcmul(p: Propagation, node: Node) -> None:
    _combine(p, node, lambda flags: flags[0] is True and _any_zero(flags[1:]))


@rule("div", "floor_divide", "true_divide", "remainder", "fmod", "divide")
def division(p: Propagation, node: Node) -> None:
    """A dropped channel in the divisor would be 0/0 in the twin: it stays."""
    _refuse_zero(p, node, node.arguments["other"])
    _combine(p, node, lambda flags: flags[0] is True)


@rule("log", "log2", "log10", "rsqrt", "reciprocal")
def singular(p: Propagation, node: Node) -> None:
    """Infinite at zero."""
    _refuse_zero(p, node, next(node.tensors()))
    _combine(p, node, _never_zero)


@rule("pow")
def power(p: Propagation, node: Node) -> None:
    base, exponent = node.arguments["self"], node.arguments["exponent"]
    positive = isinstance(exponent, (int, float)) and exponent > 0
    if not positive:
        _refuse_zero(p, node, base)
    _combine(p, node, _all_zero if positive else _never_zero)


def _refuse_zero(p: Propagation, node: Node, value: object) -> None:
    if isinstance(value, Value):
        zeros = [axis for axis in p.axes(value).values() if axis.zero]
        p.freeze(node, zeros, f"{node.name} would compute 0/0, log(0) or the like once masked")


@rule("where")
def where(p: Propagation, node: Node) -> None:
    chosen = [node.arguments.get("self"), node.arguments.get("other")]
    scalars = [item for item in chosen if not isinstance(item, Value)]
    constant = any(item is None or item != 0 for item in scalars)
    _combine(p, node, _never_zero if constant else lambda flags: _all_zero(flags[1:]))


@rule("masked_fill")
def masked_fill(p: Propagation, node: Node) -> None:
    zero = _never_zero if isinstance(node.arguments["value"], Value) else _first_if_zero(node)
    _combine(p, node, zero)


def _first_if_zero(node: Node) -> Callable[[Flags], bool]:
    filled_with_zero = node.arguments["value"] == 0
    return lambda flags: filled_with_zero and flags[0] is True


@rule("prelu", "_prelu_kernel")
def prelu(p: Propagation, node: Node) -> None:
    """One slope for all channels, or one for each: slopes lie along axis 1."""
    source, weight = node.arguments["self"], node.arguments["weight"]
    axes = p.broadcast(node, [source], node.outputs[0].shape, _all_zero)
    slopes = p.axes(weight)
    if node.name.endswith("kernel"):  # already reshaped to broadcast
        axes = p.broadcast(node, [source, weight], node.outputs[0].shape, lambda f: f[0] is True)
    elif weight.shape and weight.shape[0] > 1:
        p.tie(node, axes.get(1), slopes.get(0), "prelu gives a slope to")
    finish(p, node, axes)


@rule("copy")
def copy(p: Propagation, node: Node) -> None:
    """`target.copy_(source)`, also behind slice assignment."""
    target, source = node.arguments["self"], node.arguments["src"]
    finish(
        p,
        node,
        p.broadcast(node, [target, source], target.shape, lambda flags: flags[-1] is True),
    )


@rule("fill", "zero")
def fill(p: Propagation, node: Node) -> None:
    value = node.arguments.get("value", 0)
    zero = not isinstance(value, Value) and value == 0
    source = next(node.tensors())
    finish(p, node, {dim: Axis(axis.labels, zero) for dim, axis in p.axes(source).items()})


@rule("native_dropout", "_fused_dropout")
def native_dropout(p: Propagation, node: Node) -> None:
    source = next(node.tensors())
    axes = p.axes(source)
    for output in node.outputs:
        p.set(output, dict(axes))
