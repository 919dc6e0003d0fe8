"""Operators that treat every position alike: unary functions, arithmetic, selection, copies."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch._ops import OpOverload

from segprune.core.axes import Axes, Axis
from segprune.core.rules.operators import rule
from segprune.core.tracing.ir import Node, Value
from segprune.core.tracing.propagate import Propagation

__all__: list[str] = []

Flags = Sequence[bool | None]


def _all_zero(flags: Flags) -> bool:
    return all(flag is True for flag in flags)


def _any_zero(flags: Flags) -> bool:
    return any(flag is True for flag in flags)


def _first_zero(flags: Flags) -> bool:
    return flags[0] is True


def _never_zero(flags: Flags) -> bool:
    return False


def finish(p: Propagation, node: Node, axes: Axes) -> None:
    """Label the first output; an in-place operator overwrites what it was given."""
    if node.in_place:
        p.write(node.outputs[0], axes)
    else:
        p.set(node.outputs[0], axes)


def _combine(p: Propagation, node: Node, zero: Callable[[Flags], bool]) -> None:
    """Label the result. For one tensor and numbers, a call of torch shows what a zero becomes."""
    operands = list(node.tensors())
    if len(operands) == 1:
        at_zero = _at_zero(node)
        if not math.isfinite(at_zero):
            _refuse_zero(p, node, operands[0])
        zero = _all_zero if at_zero == 0 else _never_zero
    finish(p, node, p.broadcast(node, operands, node.outputs[0].shape, zero))


def _at_zero(node: Node) -> float:
    """Return the magnitude of an operator's result at zero, its other arguments as recorded."""
    return _magnitude(node.op, tuple(node.arguments.items()))


@functools.lru_cache(maxsize=1024)
def _magnitude(op: OpOverload, arguments: tuple[tuple[str, Any], ...]) -> float:
    given = {name: _zero_like(item) for name, item in arguments}
    with torch.inference_mode():
        return float(abs(op(**given).item()))


def _zero_like(item: object) -> object:
    """Replace a tensor by a zero of its type; in double precision, which every kernel has."""
    if not isinstance(item, Value):
        return item
    wide = torch.complex128 if item.dtype.is_complex else torch.float64
    exact = item.dtype.is_complex or item.dtype.is_floating_point
    return torch.zeros((), dtype=wide if exact else item.dtype, device="cpu")


@rule(
    "dropout", "feature_dropout", "rrelu", "clone", "contiguous", "detach", "alias", "lift_fresh",
    "lift_fresh_copy", "to", "_to_copy", "type_as", "resolve_conj", "resolve_neg", "_conj",
)  # fmt: skip
def keeps_zero(p: Propagation, node: Node) -> None:
    """Copies, and random functions of zero that are zero (`type_as` has a second tensor)."""
    source = next(node.tensors())
    finish(p, node, p.broadcast(node, [source], node.outputs[0].shape, _all_zero))


@rule(
    "relu", "relu6", "leaky_relu", "elu", "celu", "selu", "gelu", "silu", "mish", "hardswish",
    "tanh", "sigmoid", "hardsigmoid", "softplus", "log_sigmoid", "hardtanh", "threshold",
    "hardshrink", "softshrink", "neg", "abs", "sqrt", "square", "sin", "cos", "tan", "asin", "acos",
    "atan", "sinh", "cosh", "asinh", "acosh", "atanh", "sinc", "erf", "erfc", "erfinv", "exp",
    "exp2", "expm1", "log", "log2", "log10", "log1p", "rsqrt", "reciprocal", "digamma", "lgamma",
    "logit", "round", "floor", "ceil", "trunc", "frac", "sign", "sgn", "signbit", "nan_to_num",
    "positive", "rad2deg", "deg2rad", "angle", "conj_physical", "logical_not", "bitwise_not",
    "isnan", "isinf", "isposinf", "isneginf", "isfinite", "eq", "ne", "lt", "le", "gt", "ge",
    "clamp", "clamp_min", "clamp_max", "clip", "logaddexp", "logaddexp2",
)  # fmt: skip
def pointwise(p: Propagation, node: Node) -> None:
    """Functions of one tensor; with several (`eq`, `clamp`) the result at zero may be anything."""
    _combine(p, node, _never_zero)


@rule("add", "sub", "rsub", "maximum", "minimum", "fmax", "fmin", "lerp", "hypot", "atan2",
      "heaviside", "logical_or", "logical_xor", "bitwise_or", "bitwise_xor", "complex")  # fmt: skip
def joint(p: Propagation, node: Node) -> None:
    """Zero where every operand is."""
    _combine(p, node, _all_zero)


@rule("mul", "logical_and", "bitwise_and", "multiply")
def multiplication(p: Propagation, node: Node) -> None:
    _combine(p, node, _any_zero)


@rule("addcmul")
def addcmul(p: Propagation, node: Node) -> None:
    _combine(p, node, lambda flags: flags[0] is True and _any_zero(flags[1:]))


@rule("addcdiv")
def addcdiv(p: Propagation, node: Node) -> None:
    _refuse_zero(p, node, node.arguments["tensor2"])
    _combine(p, node, lambda flags: flags[0] is True and flags[1] is True)


@rule("copysign", "polar")
def of_magnitude(p: Propagation, node: Node) -> None:
    """Zero where the magnitude is, whatever the sign or the angle."""
    _combine(p, node, _first_zero)


@rule("div", "floor_divide", "true_divide", "remainder", "fmod", "divide")
def division(p: Propagation, node: Node) -> None:
    """A dropped channel in the divisor would be 0/0 in the twin: it stays."""
    _refuse_zero(p, node, node.arguments["other"])
    _combine(p, node, _first_zero)


@rule("xlogy")
def xlogy(p: Propagation, node: Node) -> None:
    """`x log y` is 0 at x = 0, but infinite at y = 0."""
    _refuse_zero(p, node, node.arguments["other"])
    _combine(p, node, _first_zero)


@rule("pow")
def power(p: Propagation, node: Node) -> None:
    """Powers: with a tensor as exponent, 0 may be raised to a negative power."""
    if isinstance(node.arguments["exponent"], Value):
        _refuse_zero(p, node, node.arguments["self"])
    _combine(p, node, _never_zero)


def _refuse_zero(p: Propagation, node: Node, value: object) -> None:
    if isinstance(value, Value):
        zeros = [axis for axis in p.axes(value).values() if axis.zero]
        p.freeze(node, zeros, f"{node.name} would compute 0/0, log(0) or the like once masked")


@rule("where")
def where(p: Propagation, node: Node) -> None:
    """Choices: for two numbers, a call of torch shows which one a false condition chooses."""
    if not node.arguments.keys() >= {"self", "other"}:
        p.freeze_tensors(node, node.tensors(), "where lists positions")
        return
    chosen = [node.arguments["self"], node.arguments["other"]]
    constant = any(item != 0 for item in chosen if not isinstance(item, Value))
    _combine(p, node, _never_zero if constant else lambda flags: _all_zero(flags[1:]))


@rule("masked_fill")
def masked_fill(p: Propagation, node: Node) -> None:
    value = node.arguments["value"]
    filled_with_zero = not isinstance(value, Value) and value == 0
    _combine(p, node, _first_zero if filled_with_zero else _never_zero)


@rule("prelu", "_prelu_kernel")
def prelu(p: Propagation, node: Node) -> None:
    """One slope for all channels, or one for each: slopes lie along axis 1."""
    source, weight = node.arguments["self"], node.arguments["weight"]
    axes = p.broadcast(node, [source], node.outputs[0].shape, _all_zero)
    slopes = p.axes(weight)
    if node.name.endswith("kernel"):  # already reshaped to broadcast
        axes = p.broadcast(node, [source, weight], node.outputs[0].shape, _first_zero)
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
    """The channels stay, whatever they are filled with."""
    value = node.arguments.get("value", 0)
    zero = not isinstance(value, Value) and value == 0
    source = next(node.tensors())
    finish(p, node, {dim: Axis(axis.labels, zero) for dim, axis in p.axes(source).items()})


@rule("native_dropout", "_fused_dropout")
def native_dropout(p: Propagation, node: Node) -> None:
    """The result, and the mask of what was kept, which is not zero where a channel is."""
    result, mask = node.outputs
    axes = p.axes(next(node.tensors()))
    p.set(result, dict(axes))
    p.set(mask, {dim: Axis(axis.labels, False) for dim, axis in axes.items()})


@rule("glu")
def glu(p: Propagation, node: Node) -> None:
    """The first half of an axis, times a gate of the second: halves go in pairs."""
    source: Value = node.arguments["self"]
    dim = int(node.arguments["dim"]) % len(source.shape)
    axes = dict(p.axes(source))
    if dim in axes:
        halves = axes[dim].labels.reshape(2, -1)
        p.labels.unite(halves[0], halves[1])
        axes[dim] = Axis(halves[0], axes[dim].zero)
    p.set(node.outputs[0], axes)
