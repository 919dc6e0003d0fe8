"""The operators of the rule table, a call of each, and the branches where its channels can go."""

from __future__ import annotations

import functools
from typing import Any

import torch
import torchvision  # noqa: F401  # registers its operators
from torch import Tensor

from .base import SIDE, WIDTH, Case, Function

aten = torch.ops.aten
CASES: list[Case] = []


CUTS = ("split", "unsafe_split", "tensor_split", "hsplit", "fractional_max_pool2d")
"""Operators with several meanings, which only trials tell apart."""


def case(name: str, free: str, function: Function, note: str = "", **shapes: Any) -> None:
    full = name if "." in name else f"aten.{name}"
    CASES.append(Case(full, note, free, function, shapes, trials=name in CUTS))


def each(free: str, names: str, function: Any, note: str = "", **shapes: Any) -> None:
    """Add several operators that are called alike: `function(operator, x, …)`."""
    for name in names.split():
        operator = getattr(aten, name)

        def call(x: Tensor, operator: Any = operator, **parameters: Any) -> Any:
            return function(operator, x, **parameters)

        case(name, free, call, note, **shapes)


def line(x: Tensor) -> Tensor:
    """Reshape to `(N, C, SIDE²)`."""
    return x.flatten(2)


def volume(x: Tensor) -> Tensor:
    """Reshape to `(N, C, SIDE, 2, SIDE / 2)`."""
    return x.unflatten(3, (2, SIDE // 2))


def reverse(x: Tensor) -> Tensor:
    return x.flip(3)


Z = "csC"  # zero stays zero
L = "cC"  # zero becomes another number
OVER = "cs"  # exact over channels that are zero where they were dropped
N = ""  # channels are mixed

# -- functions of one tensor ----------------------------------------------------------------------

each(
    Z,
    "relu relu6 leaky_relu elu celu selu gelu silu mish hardswish tanh neg abs sin tan atan "
    "sinh asinh erf expm1 round floor ceil trunc sign square nan_to_num positive hardshrink "
    "softshrink rrelu clone contiguous detach alias lift_fresh lift_fresh_copy rad2deg "
    "resolve_conj resolve_neg",
    lambda f, x: f(x),
)
each(Z, "sqrt log1p", lambda f, x: f(x.abs()))
each(Z, "asin atanh erfinv", lambda f, x: f(x.tanh() / 2))
each(Z, "isnan isinf isposinf isneginf frac sgn signbit deg2rad conj_physical", lambda f, x: f(x))
each(Z, "angle", lambda f, x: f(x.abs()))
each(L, "sinc", lambda f, x: f(x))
each(
    L, "sigmoid hardsigmoid exp exp2 cos cosh softplus log_sigmoid erfc isfinite", lambda f, x: f(x)
)
each(L, "acos", lambda f, x: f(x.tanh()))
each("C", "log log2 log10 rsqrt reciprocal digamma lgamma", lambda f, x: f(x.abs()))
each("C", "logit", lambda f, x: f(x.tanh().abs()))
each(L, "logit", lambda f, x: f(x.tanh().abs(), 1e-3), note="eps")
each(L, "acosh", lambda f, x: f(x.abs() + 1))
each("C", "acosh", lambda f, x: f(x.abs()).nan_to_num(), note="not a number at zero")
each(Z, "hardtanh", lambda f, x: f(x))
each(L, "hardtanh", lambda f, x: f(x, 0.5, 1.0), note="above zero")
each(Z, "threshold", lambda f, x: f(x, 0.1, 0.0))
each(Z, "threshold", lambda f, x: f(x, -0.1, 7.0), note="below zero")
each(L, "threshold", lambda f, x: f(x, 0.0, 7.0), note="at zero")
each(Z, "clamp clip", lambda f, x: f(x, -0.3, 0.3))
each(L, "clamp clip", lambda f, x: f(x, 0.1, 0.3), note="above zero")
each(L, "clamp clip", lambda f, x: f(x, max=-0.1), note="below zero")
each(L, "clamp", lambda f, x: f(x, x.new_tensor(0.1), x.new_tensor(0.3)), note="tensors")
each(Z, "clamp_min", lambda f, x: f(x, 0.0))
each(L, "clamp_min", lambda f, x: f(x, 0.1), note="above zero")
each(Z, "clamp_max", lambda f, x: f(x, 0.0))
each(L, "clamp_max", lambda f, x: f(x, -0.1), note="below zero")
each(Z, "pow", lambda f, x: f(x.abs(), 1.5))
each(L, "pow", lambda f, x: f(x, 0), note="zero")
each("C", "pow", lambda f, x: f(x.abs(), -0.5), note="negative")
each(L, "pow", lambda f, x: f(2.0, x), note="of a number")
each("C", "pow", lambda f, x: f(x.abs(), x), note="of itself")
each(L, "elu", lambda f, x: f(x - 0.3, 0.7), note="shifted")
each(Z, "round", lambda f, x: f(x, decimals=1), note="decimals")
each(Z, "type_as", lambda f, x: f(x, x.sigmoid()))
each(Z, "to _to_copy", lambda f, x: f(x, dtype=torch.float32))
each(Z, "dropout feature_dropout", lambda f, x: f(x, 0.5, False))
each(Z, "native_dropout", lambda f, x: f(x, 0.5, False)[0])
each(L, "native_dropout", lambda f, x: f(x, 0.5, False)[1], note="mask")
case("relu", Z, lambda x: aten.relu_(x.clone()), note="in place")
case("hardtanh", L, lambda x: aten.hardtanh_(x.clone(), 0.5, 1.0), note="in place")

# -- functions of several tensors -----------------------------------------------------------------

each(Z, "add sub rsub maximum minimum fmax fmin hypot", lambda f, x: f(x, reverse(x)))
each(L, "add sub rsub", lambda f, x: f(x, 1), note="a number")
each(Z, "add sub rsub", lambda f, x: f(x, 0), note="zero")
each(Z, "atan2", lambda f, x: f(x, reverse(x).abs()))
each(Z, "lerp", lambda f, x: f(x, reverse(x), 0.3))
each(L, "lerp", lambda f, x: f(x, x.new_ones(1), x.sigmoid()), note="to ones")
each("csCS", "mul multiply", lambda f, x: f(x, torch.zeros_like(x)), note="by zeros")
each(Z, "mul multiply", lambda f, x: f(x, x.sigmoid()))
each(Z, "mul multiply", lambda f, x: f(x.sigmoid(), x), note="the other")
each(Z, "logical_and", lambda f, x: f(x, x.sigmoid()))
each(Z, "logical_or logical_xor", lambda f, x: f(x, reverse(x)))
each(Z, "bitwise_and", lambda f, x: f(x.gt(0), x.le(3)))
each(Z, "bitwise_or", lambda f, x: f(x.gt(0), x.lt(-1)))
each(L, "logical_not", lambda f, x: f(x))
each(L, "bitwise_not", lambda f, x: f(x.gt(0)))
each(Z, "ne lt gt", lambda f, x: f(x, 0))
each(L, "eq le ge", lambda f, x: f(x, 0))
each(L, "ne lt gt", lambda f, x: f(x, 0.2 if "gt" not in str(f) else -0.2), note="beside zero")
each(L, "eq ne lt le gt ge", lambda f, x: f(x, reverse(x)), note="tensors")
each(Z, "addcmul", lambda f, x: f(x, x.sigmoid(), reverse(x)))
each(L, "addcmul", lambda f, x: f(x, x.sigmoid(), reverse(x).sigmoid()), note="gates")
each(L, "addcmul", lambda f, x: f(x.sigmoid(), x, x), note="beside a gate")
each(Z, "div divide true_divide floor_divide remainder fmod", lambda f, x: f(x, 0.3))
each(
    Z,
    "div divide true_divide floor_divide remainder fmod",
    lambda f, x: f(x, reverse(x).sigmoid()),
    note="by a gate",
)
each(
    "C",
    "div divide true_divide floor_divide remainder fmod",
    lambda f, x: f(x.sigmoid(), x),
    note="by zero",
)
each("C", "remainder", lambda f, x: f(0.7, x), note="a number by zero")
each(Z, "where", lambda f, x: f(x > 0.1, x, reverse(x)))
each(Z, "where", lambda f, x: f(x > 0.1, x, 0.0), note="zero")
each(L, "where", lambda f, x: f(x > 0.1, x, 1.0), note="one")
each(L, "where", lambda f, x: f(x > 0.1, x, x.sigmoid()), note="a gate")
each(L, "where", lambda f, x: f(x > 0.1, 0.0, 1.0), note="two numbers")
each(Z, "where", lambda f, x: f(x < 0, 1.0, 0.0), note="zero elsewhere")
each(Z, "masked_fill", lambda f, x: f(x, x > 0.1, 0.0))
each(L, "masked_fill", lambda f, x: f(x, x < 0.1, 3.0), note="three")
each(L, "masked_fill", lambda f, x: f(x, x < 0.1, x.new_tensor(3.0)), note="a tensor")
each(Z, "prelu", lambda f, x, w: f(x, w), w=(WIDTH,))
each(Z, "prelu", lambda f, x, w: f(x, w), note="one slope", w=(1,))
each(Z, "_prelu_kernel", lambda f, x, w: f(x, w.view(1, -1, 1, 1)), w=(WIDTH,))
each(Z, "copy", lambda f, x: f(x.sigmoid(), x))
each(L, "copy", lambda f, x: f(x, x.sigmoid()), note="a gate")
each(L, "fill", lambda f, x: f(x, 2.0))
each("csCS", "fill", lambda f, x: f(x, 0.0), note="zero")
each(L, "fill", lambda f, x: f(x, x.new_tensor(2.0)), note="a tensor")
each("csCS", "zero", lambda f, x: f(x))

each(Z, "bitwise_xor", lambda f, x: f(x.gt(0), x.lt(-1)))
each(Z, "heaviside copysign", lambda f, x: f(x, reverse(x)))
each(L, "heaviside", lambda f, x: f(x, x.sigmoid()), note="a gate at zero")
each(Z, "copysign", lambda f, x: f(x, x.sigmoid()), note="a gate")
each(L, "logaddexp logaddexp2", lambda f, x: f(x, reverse(x)))
each(Z, "addcdiv", lambda f, x: f(x, x, reverse(x).sigmoid()))
each(L, "addcdiv", lambda f, x: f(x, x.sigmoid(), reverse(x).sigmoid()), note="gates")
each("C", "addcdiv", lambda f, x: f(x, x, reverse(x)), note="by zero")
each(Z, "xlogy", lambda f, x: f(x, x.sigmoid()))
each("C", "xlogy", lambda f, x: f(x.sigmoid(), x.abs()), note="zero in the logarithm")

# -- new tensors ----------------------------------------------------------------------------------

each(Z, "zeros_like", lambda f, x: x + f(x))
each("csCS", "zeros_like", lambda f, x: f(x), note="alone")
each(L, "ones_like", lambda f, x: f(x))
each(L, "full_like", lambda f, x: f(x, 0.5))
each(L, "rand_like randn_like", lambda f, x: f(x).isfinite())
each(L, "empty_like", lambda f, x: x + f(x).fill_(1.0))  # memory may hold anything
each(L, "bernoulli uniform", lambda f, x: f(x.sigmoid()).ge(0))
each(L, "normal", lambda f, x: f(x).isfinite())
each(Z, "zeros", lambda f, x: x + f(x.shape, dtype=x.dtype, device=x.device))
each(L, "ones", lambda f, x: x + f(x.shape, dtype=x.dtype, device=x.device))
each(L, "full", lambda f, x: x + f(x.shape, 0.5, dtype=x.dtype, device=x.device))
each(Z, "full", lambda f, x: x + f(x.shape, 0.0, dtype=x.dtype, device=x.device), note="zero")
each(L, "empty", lambda f, x: x + f(x.shape, dtype=x.dtype, device=x.device).fill_(1.0))
each(Z, "new_zeros", lambda f, x: x + f(x, x.shape))
each(L, "new_ones", lambda f, x: x + f(x, x.shape))
each(L, "new_full", lambda f, x: x + f(x, x.shape, 0.5))
each(Z, "new_full", lambda f, x: x + f(x, x.shape, 0.0), note="zero")
each(L, "new_empty", lambda f, x: x + f(x, x.shape).fill_(1.0))
each(
    L,
    "empty_strided",
    lambda f, x: x + f(x.shape, x.stride(), dtype=x.dtype, device=x.device).fill_(1.0),
)
each(L, "new_empty_strided", lambda f, x: x + f(x, x.shape, x.stride()).fill_(1.0))
each(Z, "arange linspace", lambda f, x: x * (f(0, SIDE, *((SIDE,) * ("lin" in str(f)))).to(x) + 1))
each(Z, "eye", lambda f, x: x * f(SIDE).to(x))
each(Z, "rand randn", lambda f, x: x * f((SIDE,)).isfinite().to(x))
each(Z, "randint", lambda f, x: x * (f(2, (SIDE,)).to(x) < 2))
each(Z, "randperm", lambda f, x: x * (f(SIDE).to(x) < SIDE))
each(Z, "scalar_tensor", lambda f, x: x * f(2.0).to(x))
each(Z, "hann_window", lambda f, x: x * f(SIDE).to(x))

each(Z, "complex", lambda f, x: f(x, reverse(x)).abs())
each(L, "complex", lambda f, x: f(x, reverse(x).sigmoid()).abs(), note="a gate")
each(Z, "polar", lambda f, x: f(x.abs(), x.sigmoid()).abs())
each(L, "polar", lambda f, x: f(x.sigmoid(), x).abs(), note="a gate")
each(Z, "_conj", lambda f, x: f(torch.complex(x, x)).abs())

# -- numbers --------------------------------------------------------------------------------------

each("cs", "_local_scalar_dense item", lambda f, x: x * (f(x.sum()) * 0 + 1))
each("cs", "is_nonzero", lambda f, x: x * (1 + f(x.sum())))
each(N, "equal", lambda f, x: x * (2 if f(x, reverse(x)) else 1))
each(N, "is_same_size", lambda f, x: x if f(x, reverse(x)) else -x)
each(
    "cs",
    "_assert_async",
    lambda f, x: (f(x.isnan().logical_or(x.isinf()).any().logical_not()), x)[1],
)
each(Z, "_assert_scalar", lambda f, x: (f(x.shape[2] == SIDE, "side"), x)[1])
each(Z, "_assert_tensor_metadata", lambda f, x: (f(x, dtype=x.dtype), x)[1])

# -- convolutions and products --------------------------------------------------------------------

K = (WIDTH, WIDTH, 3)
B = {"b": (WIDTH,)}
each("csCS", "conv1d", lambda f, x, w, b: f(line(x), w, b, padding=[1]), w=K, **B)
each("csCS", "conv2d", lambda f, x, w, b: f(x, w, b, padding=[1, 1]), w=(*K, 3), **B)
each(
    "csCS",
    "conv2d",
    lambda f, x, w: f(x, w, None, groups=x.shape[1]),
    "depthwise",
    w=(WIDTH, 1, 3, 3),
)
each(
    "csCS",
    "conv2d",
    lambda f, x, w: f(x, w, None, groups=x.shape[1]),
    "sixfold",
    w=(6 * WIDTH, 1, 3, 3),
)
each(
    "csCS", "conv2d", lambda f, x, w: f(x, w, None, groups=2), "groups", w=(WIDTH, WIDTH // 2, 3, 3)
)
each("csCS", "conv3d", lambda f, x, w, b: f(volume(x), w, b, padding=[1, 1, 1]), w=(*K, 3, 3), **B)
each(
    "csCS",
    "convolution",
    lambda f, x, w, b: f(x, w, b, [1, 1], [1, 1], [1, 1], False, [0, 0], 1),
    w=(*K, 3),
    **B,
)
each(
    "csCS",
    "convolution",
    lambda f, x, w, b: f(x, w, b, [2, 2], [1, 1], [1, 1], True, [1, 1], 1),
    "transposed",
    w=(*K, 3),
    **B,
)
each(
    "csCS",
    "_convolution",
    lambda f, x, w, b: f(
        x, w, b, [1, 1], [1, 1], [1, 1], False, [0, 0], 1, False, False, False, False
    ),
    w=(*K, 3),
    **B,
)
each("csCS", "conv_transpose1d", lambda f, x, w, b: f(line(x), w, b), w=K, **B)
each("csCS", "conv_transpose2d", lambda f, x, w, b: f(x, w, b, [2, 2]), w=(*K, 3), **B)
each(
    "csCS",
    "conv_transpose2d",
    lambda f, x, w: f(x, w, None, groups=x.shape[1]),
    "groups",
    w=(WIDTH, 1, 3, 3),
)
each("csCS", "conv_transpose3d", lambda f, x, w, b: f(volume(x), w, b), w=(*K, 3, 3), **B)


def deformed(x: Tensor, w: Tensor, offset: Tensor, groups: int = 1) -> Tensor:
    mask = x.new_zeros((x.shape[0], 1))
    numbers = (1, 1, 1, 1, 1, 1, groups, offset.shape[0] // 18, False)
    moved = aten.conv2d(x, offset, None, padding=[1, 1])
    return torch.ops.torchvision.deform_conv2d(x, w, moved, mask, w[:, 0, 0, 0], *numbers)


case("torchvision.deform_conv2d", "csCS", deformed, w=(*K, 3), offset=(18, WIDTH, 3, 3))
case(
    "torchvision.deform_conv2d",
    "csCS",
    deformed,
    "two groups of offsets",
    w=(*K, 3),
    offset=(36, WIDTH, 3, 3),
)

each("csCS", "linear", lambda f, x, w, b: f(x.movedim(1, 3), w, b).movedim(3, 1), w=K[:2], **B)
each("csCS", "matmul", lambda f, x, w: f(w, line(x)), w=K[:2])
each(
    "csCS",
    "matmul",
    lambda f, x, w: f(line(x).transpose(1, 2), w).transpose(1, 2),
    "right",
    w=K[:2],
)
each(Z, "matmul", lambda f, x: f(x, x.sigmoid()), "batches")
each(L, "matmul", lambda f, x, w: f(w, x.sigmoid()), "a stretched batch", w=(SIDE, SIDE))
each("csCS", "einsum", lambda f, x, w: f("nchw,oc->nohw", [x, w]), w=K[:2])
each(Z, "einsum", lambda f, x: f("nchw,nchw->nchw", [x, x.sigmoid()]), "positions")
each(L, "einsum", lambda f, x, w: f("nchw,wv->nchv", [x.sigmoid(), w]), "rows", w=(SIDE, SIDE))
each(OVER, "einsum", lambda f, x: x * f("nchw,nchw->nhw", [x, x])[:, None], "summed")
each("csCS", "mm", lambda f, x, w: f(x.mean((2, 3)), w), w=K[:2])
each("csCS", "bmm", lambda f, x, w: f(w.expand(x.shape[0], -1, -1), line(x)), w=K[:2])
each("csCS", "addmm", lambda f, x, w, b: f(b, x.mean((2, 3)), w), w=K[:2], **B)
each("csCS", "addmm", lambda f, x, w, b: f(b.sigmoid(), x.mean((2, 3)), w), "a gate", w=K[:2], **B)
each(Z, "baddbmm", lambda f, x, w: f(line(x), w.expand(x.shape[0], *w.shape), line(x)), w=K[:2])


def heads(f: Function, q: Tensor, k: Tensor, v: Tensor, **options: Any) -> Tensor:
    """Call attention with every channel as a head, and its rows as tokens."""
    return f(q, k, v, scale=0.5, **options)


each(Z, "scaled_dot_product_attention", lambda f, x: heads(f, x, x, x), "heads")
each(L, "scaled_dot_product_attention", lambda f, x: heads(f, x, x, x.sigmoid()), "gates")
each(
    Z, "scaled_dot_product_attention", lambda f, x: heads(f, x.sigmoid(), x.sigmoid(), x), "values"
)
each(
    Z,
    "scaled_dot_product_attention",
    lambda f, x: heads(f, torch.cat((x, -x), 1), x, x, enable_gqa=True),
    "shared keys",
)
each(
    "cs",
    "scaled_dot_product_attention",
    lambda f, x: (lambda t: f(t, t, t, scale=0.5).transpose(1, 2))(line(x).transpose(1, 2)),
    "columns",
)
each(
    N,
    "scaled_dot_product_attention",
    lambda f, x: (lambda t: f(t, t, t).transpose(1, 2))(line(x).transpose(1, 2)),
    "default scale",
)

each("csCS", "mv", lambda f, x, w: f(w, x.mean((0, 2, 3)))[None], w=K[:2])
each(OVER, "dot", lambda f, x: x * f(x.mean((0, 2, 3)), x.mean((0, 2, 3))))


def dropped(f: Any, x: Tensor) -> Tensor:
    """Call a kernel of another device on tensors without data; nothing is dropped here."""
    return f(x, 0.5)[0] if x.is_meta else x


each(Z, "_fused_dropout", dropped)


def remembered(
    operator: Any, x: Tensor, packed: bool = False, both: bool = False, **w: Tensor
) -> Tensor:
    """Hand each row of pixels to a recurrent operator, which reads it pixel by pixel."""
    rows, ways = x.movedim(1, -1).flatten(0, 1), 1 + both  # (N · SIDE, SIDE, C)
    start = x.new_zeros(ways, len(rows), 4)
    begin = [start, start] if operator is aten.lstm else start
    params = [*w.values()] * ways
    if packed:
        sizes = torch.full((SIDE,), len(rows), dtype=torch.long)
        steps = rows.transpose(0, 1).flatten(0, 1)
        y = operator.data(steps, sizes, begin, params, True, 1, 0.0, False, both)[0]
        return y.reshape(SIDE, len(x), SIDE, -1).permute(1, 3, 2, 0)
    y = operator.input(rows, begin, params, True, 1, 0.0, False, both, True)[0]
    return y.unflatten(0, (len(x), SIDE)).movedim(-1, 1)


for name, gates in {"gru": 3, "lstm": 4, "rnn_tanh": 1, "rnn_relu": 1}.items():
    size = 4 * gates
    weights = {"w_ih": (size, WIDTH), "w_hh": (size, 4), "b_ih": (size,), "b_hh": (size,)}
    each("csCS", name, remembered, **weights)
    both = functools.partial(remembered, both=True)
    each("csCS", name, both, "in both directions", **weights)
    each(N, name, functools.partial(remembered, packed=True), "packed", **weights)

# -- norms ----------------------------------------------------------------------------------------

S = {"w": (WIDTH,), "b": (WIDTH,)}
NORM = {**S, "mean": (WIDTH,), "var": (WIDTH,)}


def normed(result: Any) -> Any:
    return result if isinstance(result, Tensor) else result[0]


each(
    "csCS",
    "batch_norm",
    lambda f, x, w, b, mean, var: f(x, w, b, mean, var, False, 0.1, 1e-5, False),
    **NORM,
)
each(
    Z,
    "batch_norm",
    lambda f, x, mean, var: f(x, None, None, mean, var, False, 0.1, 1e-5, False),
    "no scale",
    mean=(WIDTH,),
    var=(WIDTH,),
)
each(
    "csCS",
    "native_batch_norm",
    lambda f, x, w, b, mean, var: f(x, w, b, mean, var, False, 0.1, 1e-5)[0],
    **NORM,
)
each(
    "csCS",
    "_native_batch_norm_legit",
    lambda f, x, w, b, mean, var: f(x, w, b, mean, var, False, 0.1, 1e-5)[0],
    **NORM,
)
each(
    "csCS",
    "_native_batch_norm_legit_no_training",
    lambda f, x, w, b, mean, var: f(x, w, b, mean, var, 0.1, 1e-5)[0],
    **NORM,
)
each(
    "csCS",
    "_batch_norm_impl_index",
    lambda f, x, w, b, mean, var: f(x, w, b, mean, var, False, 0.1, 1e-5, False)[0],
    **NORM,
)


def elsewhere(f: Any, x: Tensor, *statistics: Tensor) -> Tensor:
    """Record a kernel of another device without data; a kernel of the CPU computes it."""
    if x.is_meta:
        return f(x, *statistics, False, 0.1, 1e-5)[0]
    return aten.native_batch_norm(x, *statistics, False, 0.1, 1e-5)[0]


each(
    "csCS",
    "cudnn_batch_norm miopen_batch_norm",
    lambda f, x, w, b, mean, var: elsewhere(f, x, w, b, mean, var),
    **NORM,
)
each(
    "csCS", "instance_norm", lambda f, x, w, b: f(x, w, b, None, None, True, 0.1, 1e-5, False), **S
)
each(
    Z,
    "instance_norm",
    lambda f, x: f(x, None, None, None, None, True, 0.1, 1e-5, False),
    "no scale",
)
each("csCS", "group_norm", lambda f, x, w, b: f(x, x.shape[1] // 2, w, b), **S)
each(N, "group_norm", lambda f, x, w, b: f(x, 1, w, b), "one group", **S)
each(Z, "group_norm", lambda f, x: f(x, x.shape[1] // 2), "no scale")
each(
    "csCS",
    "native_group_norm",
    lambda f, x, w, b: f(x, w, b, x.shape[0], x.shape[1], SIDE * SIDE, x.shape[1] // 2, 1e-5)[0],
    **S,
)
each(L, "layer_norm", lambda f, x, w, b: f(x, (SIDE,), w, b), w=(SIDE,), b=(SIDE,))
each(
    N,
    "layer_norm",
    lambda f, x, w, b: f(x.movedim(1, 3), (x.shape[1],), w, b).movedim(3, 1),
    "channels",
    **S,
)
each(L, "native_layer_norm", lambda f, x: f(x, (SIDE,), None, None, 1e-5)[0])
each(Z, "rms_norm", lambda f, x: f(x, (SIDE,)))
each(N, "rms_norm", lambda f, x: f(x.movedim(1, 3), (x.shape[1],)).movedim(3, 1), "channels")
each(Z, "_fused_rms_norm", lambda f, x: f(x, (SIDE,), None, 1e-5)[0])
each(L, "softmax log_softmax", lambda f, x: f(x, 2))
each(L, "_softmax _log_softmax", lambda f, x: f(x, 2, False))
each(
    "csCS",
    "batch_norm",
    lambda f, x, w, mean, var: f(x, w, None, mean.sigmoid(), var, False, 0.1, 1e-5, False),
    "a computed mean",
    w=(WIDTH,),
    mean=(WIDTH,),
    var=(WIDTH,),
)
each(
    L,
    "batch_norm",
    lambda f, x, mean, var: f(x, None, None, mean.sigmoid(), var, False, 0.1, 1e-5, False),
    "a computed mean, no scale",
    mean=(WIDTH,),
    var=(WIDTH,),
)
each(
    L,
    "native_batch_norm",
    lambda f, x, w, b: f(x, w, b, None, None, True, 0.1, 1e-5)[1][None],
    "means",
    **S,
)
each(
    L,
    "native_batch_norm",
    lambda f, x, w, b: f(x, w, b, None, None, True, 0.1, 1e-5)[2][None],
    "deviations",
    **S,
)
each(N, "softmax log_softmax", lambda f, x: f(x, 1), "channels")

# -- pooling, resizing, padding -------------------------------------------------------------------

each(Z, "avg_pool1d max_pool1d", lambda f, x: f(line(x), 2))
each(Z, "avg_pool2d max_pool2d", lambda f, x: f(x, 2))
each(Z, "avg_pool3d max_pool3d", lambda f, x: f(volume(x), [2, 2, 1]))
each(Z, "max_pool1d_with_indices", lambda f, x: f(line(x), 2)[0])
each(Z, "max_pool2d_with_indices", lambda f, x: f(x, 2)[0])
each(L, "max_pool2d_with_indices", lambda f, x: f(x, 2)[1], "places")
each(Z, "max_pool3d_with_indices", lambda f, x: f(volume(x), [2, 2, 1])[0])
each(Z, "adaptive_avg_pool1d", lambda f, x: f(line(x), 2))
each(Z, "adaptive_avg_pool2d _adaptive_avg_pool2d", lambda f, x: f(x, [2, 3]))
each(Z, "adaptive_avg_pool3d _adaptive_avg_pool3d", lambda f, x: f(volume(x), [2, 1, 1]))
each(Z, "adaptive_max_pool1d", lambda f, x: f(line(x), 2)[0])
each(Z, "adaptive_max_pool2d", lambda f, x: f(x, [2, 3])[0])
each(L, "adaptive_max_pool2d", lambda f, x: f(x, [2, 3])[1], "places")
each(Z, "adaptive_max_pool3d", lambda f, x: f(volume(x), [2, 1, 1])[0])
each(
    N,
    "fractional_max_pool2d",
    lambda f, x: f(x, [2, 2], [3, 3], x.new_full((x.shape[0], x.shape[1], 2), 0.5))[0],
)
each(Z, "upsample_nearest1d", lambda f, x: f(line(x), [50]))
each(Z, "upsample_linear1d", lambda f, x: f(line(x), [50], False))
each(Z, "upsample_nearest2d _upsample_nearest_exact2d", lambda f, x: f(x, [8, 9]))
each(
    Z,
    "upsample_bilinear2d upsample_bicubic2d _upsample_bilinear2d_aa _upsample_bicubic2d_aa",
    lambda f, x: f(x, [8, 9], False),
)
each(Z, "upsample_nearest3d", lambda f, x: f(volume(x), [8, 3, 4]))
each(Z, "upsample_trilinear3d", lambda f, x: f(volume(x), [8, 3, 4], False))
each(Z, "reflection_pad1d replication_pad1d", lambda f, x: f(line(x), [1, 2]))
each(Z, "reflection_pad2d replication_pad2d", lambda f, x: f(x, [1, 2, 0, 1]))
each(Z, "constant_pad_nd pad", lambda f, x: f(x, [1, 1]))
each(L, "constant_pad_nd", lambda f, x: f(x, [1, 1], 0.5), "a half")
each(L, "pad", lambda f, x: f(x, [1, 1], "constant", 0.5), "a half")
each(Z, "constant_pad_nd pad", lambda f, x: f(x, [0, 0, 0, 0, 2, 1]), "channels")
each(Z, "pad", lambda f, x: f(x, [1, 1, 1, 1], "reflect"), "reflected")


def unpooled(x: Tensor) -> Tensor:
    y, places = aten.max_pool2d_with_indices(x, 2)
    return aten.max_unpool2d(y, places, [SIDE, SIDE])


def unpooled_volume(x: Tensor) -> Tensor:
    y, places = aten.max_pool3d_with_indices(volume(x), [2, 2, 1])
    return aten.max_unpool3d(y, places, [SIDE, 2, 3], [2, 2, 1], [0, 0, 0])


case("max_unpool2d", Z, unpooled)
case("max_unpool3d", Z, unpooled_volume)
each(
    Z,
    "grid_sampler grid_sampler_2d",
    lambda f, x, grid: f(x, grid.tanh().expand(x.shape[0], -1, -1, -1), 0, 0, False),
    grid=(1, 4, 5, 2),
)
each(
    Z,
    "grid_sampler_3d",
    lambda f, x, grid: f(volume(x), grid.tanh().expand(x.shape[0], -1, -1, -1, -1), 0, 0, False),
    grid=(1, 4, 5, 2, 3),
)
each(Z, "im2col", lambda f, x: f(x, [2, 2], [1, 1], [0, 0], [1, 1]))
each(
    Z,
    "col2im",
    lambda f, x: f(x.reshape(x.shape[0], -1, 9), [4, 4], [2, 2], [1, 1], [0, 0], [1, 1]),
)

# -- joining, cutting, moving ---------------------------------------------------------------------

each(Z, "cat concat concatenate", lambda f, x: f((x, reverse(x)), 1))
each(L, "cat concat concatenate", lambda f, x: f((x, x.sigmoid()), 1), "a gate")
each(L, "cat", lambda f, x: f((x, x.sigmoid()), 2), "a gate below")
each(Z, "stack", lambda f, x: f((x, reverse(x)), 2))
each(L, "stack", lambda f, x: f((x, x.sigmoid()), 2), "a gate")
each(L, "stack", lambda f, x: f((x.sigmoid(), x), 2), "a gate first")
each(Z, "slice", lambda f, x: f(x, 2, 1, 4))
each(Z, "slice", lambda f, x: f(x, 1, 0, x.shape[1] // 2) - f(x, 1, x.shape[1] // 2), "channels")
each(Z, "split unsafe_split", lambda f, x: f(x, 2, 3)[1])
each(Z, "split_with_sizes unsafe_split_with_sizes", lambda f, x: f(x, [2, 4], 3)[1])
each(Z, "chunk unsafe_chunk tensor_split", lambda f, x: f(x, 2, 3)[1])
each(Z, "split unsafe_split", lambda f, x: f(x, x.shape[1] // 2, 1)[1], "channels")
each(Z, "chunk unsafe_chunk tensor_split", lambda f, x: f(x, 2, 1)[1], "channels")
each(Z, "hsplit", lambda f, x: f(x, 2)[1])
each(Z, "hsplit", lambda f, x: f(x.transpose(1, 2), 2)[1].transpose(1, 2), "rows")
each(Z, "select", lambda f, x: f(x, 2, 3))
each("", "select", lambda f, x: f(x, 1, -1).unsqueeze(1), "a channel")
each(Z, "unbind", lambda f, x: f(x, 2)[3])
each(Z, "index_select", lambda f, x: f(x, 2, torch.tensor([3, 0, 3], device=x.device)))
each("", "index_select", lambda f, x: f(x, 1, torch.tensor([3, 0, 3], device=x.device)), "channels")
each(Z, "pixel_shuffle", lambda f, x: f(x, 2))
each(Z, "pixel_unshuffle", lambda f, x: f(x, 2))
each(Z, "channel_shuffle native_channel_shuffle", lambda f, x: f(x, 2))
each(Z, "view reshape _reshape_copy", lambda f, x: f(x, [x.shape[0], x.shape[1], SIDE * SIDE]))
each(Z, "_unsafe_view", lambda f, x: f(x, [x.shape[0], x.shape[1], SIDE * SIDE]))
each(
    Z,
    "_reshape_alias",
    lambda f, x: f(x, [x.shape[0], x.shape[1], SIDE * SIDE], [*x.stride()[:2], 1]),
)
each(Z, "flatten", lambda f, x: f(x, 2))
each(Z, "unflatten", lambda f, x: f(x, 3, [2, 3]))
each(Z, "squeeze", lambda f, x: f(x[:, :, :, :1], 3))
each(Z, "unsqueeze", lambda f, x: f(x, 2))
each(Z, "reshape_as view_as", lambda f, x: f(line(x), x))
each(
    Z,
    "ravel",
    lambda f, x: f(x.movedim(1, 0)[:, 0]).reshape(x.shape[1], -1).t()[None].movedim(2, 1),
)
each(Z, "permute permute_copy", lambda f, x: f(x, [0, 1, 3, 2]))
each(Z, "transpose swapaxes swapdims", lambda f, x: f(x, 2, 3))
each(Z, "movedim", lambda f, x: f(x, 3, 2))
each(Z, "t", lambda f, x: f(f(x.mean((2, 3)))))
each(
    Z,
    "expand broadcast_to expand_copy",
    lambda f, x: f(
        x.mean(2, True), [-1, -1, 5, -1] if "exp" in str(f) else [*x.shape[:2], 5, SIDE]
    ),
)
each(Z, "expand_as", lambda f, x: f(x.mean(2, True), x))
each(Z, "repeat tile", lambda f, x: f(x, [1, 2, 1, 1]))
each(Z, "repeat_interleave", lambda f, x: f(x, 2, 1))
each(Z, "flip", lambda f, x: f(x, [2]))
each(Z, "roll", lambda f, x: f(x, [1], [2]))
each(Z, "cumsum cumprod", lambda f, x: f(x, 2))
each(N, "cumsum cumprod", lambda f, x: f(x, 1), "channels")
each(N, "flip", lambda f, x: f(x, [1]), "channels")
each(N, "roll", lambda f, x: f(x, [1], [1]), "channels")
each(Z, "sort", lambda f, x: f(x, 2)[0])
each(L, "sort", lambda f, x: f(x, 2)[1], "places")
each(L, "argsort", lambda f, x: f(x, 2))
each(Z, "topk", lambda f, x: f(x, 2, 3)[0])
each(L, "topk", lambda f, x: f(x, 2, 3)[1], "places")
each(N, "topk", lambda f, x: f(x, 2, 1)[0], "channels")

# -- reductions -----------------------------------------------------------------------------------

each(Z, "sum nansum mean nanmean amax amin any all count_nonzero", lambda f, x: f(x, [2]))
each(Z, "prod argmax argmin", lambda f, x: f(x, 2))
each(Z, "var std", lambda f, x: f(x, [2]))
each(Z, "var_mean std_mean", lambda f, x: f(x, [2])[0])
each(Z, "max min median mode", lambda f, x: f(x, 2)[0])
each(Z, "aminmax", lambda f, x: f(x, dim=2)[0])
each(Z, "kthvalue", lambda f, x: f(x, 2, 2)[0])
each(Z, "max min", lambda f, x: f(x, reverse(x)), "of two")
each(L, "max min", lambda f, x: f(x, x.sigmoid() - 0.7), "of two, one a gate")
each(Z, "norm linalg_vector_norm", lambda f, x: f(x, 2, [2]))
each(Z, "norm linalg_vector_norm", lambda f, x: f(x, float("-inf"), [2]), "smallest")
each(L, "logsumexp", lambda f, x: f(x, [2]))
each(
    OVER,
    "sum nansum any count_nonzero",
    lambda f, x: (
        f(x, [1], *((True,) if "count" not in str(f) else ()))
        if "count" not in str(f)
        else f(x, [1]).unsqueeze(1)
    ),
    "over channels",
)
each(N, "mean nanmean amax amin all", lambda f, x: f(x, [1], True), "over channels")
each(N, "prod argmax argmin", lambda f, x: f(x, 1, True), "over channels")
each(N, "var std", lambda f, x: f(x, [1], keepdim=True), "over channels")
each(N, "var_mean std_mean", lambda f, x: f(x, [1], keepdim=True)[0], "over channels")
each(N, "max min median mode", lambda f, x: f(x, 1, True)[0], "over channels")
each(N, "aminmax", lambda f, x: f(x, dim=1, keepdim=True)[0], "over channels")
each(N, "kthvalue", lambda f, x: f(x, 2, 1, True)[0], "over channels")
each(N, "logsumexp", lambda f, x: f(x, [1], True), "over channels")
for order in (2, 1, 0, 0.5, float("inf")):
    each(
        OVER,
        "norm linalg_vector_norm",
        lambda f, x, p=order: f(x, p, [1], True),
        f"{order} over channels",
    )
for order in (-1, float("-inf")):
    each(
        N,
        "norm linalg_vector_norm",
        lambda f, x, p=order: f(x, p, [1], True),
        f"{order} over channels",
    )
each(L, "max min median mode", lambda f, x: f(x, 2)[1], "places")
each(L, "kthvalue", lambda f, x: f(x, 3, 2)[1], "places")

# -- positions, spectra, grids --------------------------------------------------------------------


def at(x: Tensor, *indices: Any) -> list[Tensor | None]:
    return [None if i is None else torch.tensor(i, device=x.device) for i in indices]


each(Z, "glu", lambda f, x: f(x, 1))
each(Z, "glu", lambda f, x: f(x, 2), "rows")
each(Z, "index _unsafe_index", lambda f, x: f(x, at(x, None, None, [2, 0, 2])))
each(Z, "index", lambda f, x: f(x, at(x, None, None, None, [[2, 0], [1, 1]])), "a matrix")
each(Z, "index", lambda f, x: f(x, at(x, None, None, [2, 0], [1, 1])), "neighbours")
each(Z, "index", lambda f, x: f(x, at(x, [0, 0], None, [2, 0])), "not neighbours")
each(Z, "index", lambda f, x: f(x, at(x, None, None, [True, False] * (SIDE // 2))), "mask")
each(Z, "index", lambda f, x: f(x, at(x, None, None, [[True, False] * (SIDE // 2)] * SIDE)), "map")
each(N, "index", lambda f, x: f(x, at(x, None, [0, 3, 1])), "channels")
each(Z, "index_put", lambda f, x: f(x, at(x, None, None, [2, 0]), x[:, :, :2]))
each(L, "index_put", lambda f, x: f(x, at(x, None, None, [2, 0]), x[:, :, :2].sigmoid()), "gates")
each(L, "index_put", lambda f, x: f(x, at(x, None, None, [2, 0]), x.new_tensor(3.0)), "a number")
each(Z, "_unsafe_index_put", lambda f, x: f(x, at(x, None, None, [2, 0]), x[:, :, :2]))
each(Z, "gather", lambda f, x: f(x, 2, x.argsort(2)))
each(L, "gather", lambda f, x: f(x.sigmoid(), 2, x.argsort(2)), "a gate")
each(N, "gather", lambda f, x: f(x, 1, x.argsort(1)), "channels")
each(Z, "unfold", lambda f, x: f(x, 2, 2, 1))
each(N, "unfold", lambda f, x: f(x, 1, 2, 1), "channels")
each(Z, "tril triu", lambda f, x: f(x, 1))
each(Z, "cummax cummin", lambda f, x: f(x, 2)[0])
each(L, "cummax cummin", lambda f, x: f(x, 2)[1], "places")
each(L, "logcumsumexp", lambda f, x: f(x, 2))
each(Z, "_fft_r2c", lambda f, x: f(x, [2, 3], 0, True).abs())
each(Z, "_fft_c2r", lambda f, x: f(torch.complex(x, reverse(x)), [2, 3], 2, SIDE))
each(Z, "_fft_c2c", lambda f, x: f(torch.complex(x, reverse(x)), [2], 0, True).abs())
each(N, "_fft_r2c", lambda f, x: f(x, [1], 0, False).abs(), "channels")
each(Z, "view_as_real", lambda f, x: f(torch.complex(x, reverse(x)))[..., 1])
each(Z, "view_as_complex", lambda f, x: f(torch.stack((x, reverse(x)), 4)).abs())
each(
    "csCS",
    "_trilinear",
    lambda f, x, w: f(x.mean((2, 3)), w, x.mean((2, 3)).sigmoid(), [1, 3], [0], [1, 2], [2, 3]),
    w=(WIDTH, WIDTH, WIDTH),
)

S1 = {"s": (1,)}


def grid(x: Tensor, scale: Tensor) -> tuple[Tensor, Tensor]:
    """Return scales above zero and zero points; kernels need single precision and whole numbers."""
    scale = scale.abs().float() / 8 + 0.05
    return scale, torch.zeros_like(scale, dtype=torch.int32)


def learnable(x: Tensor, scale: Tensor) -> tuple[Tensor, Tensor]:
    scale = scale.abs() / 8 + 0.05
    return scale, torch.zeros_like(scale)


def watched(f: Any, x: Tensor, lows: Tensor, highs: Tensor, on: int, rows: bool) -> Any:
    """Call an observer on copies, since it writes into its arguments."""
    switch = x.new_full((1,), on, dtype=torch.long)
    points = torch.zeros_like(lows, dtype=torch.int32)
    lows, highs = lows.float(), highs.float()
    state = (lows * -1, highs * 1, highs.abs() / 64 + 0.05, points)
    return normed(f(x.float(), switch, switch * 0 + 1, *state, 0.01, -128, 127, 0, rows, False))


FIXED = "fake_quantize_per_tensor_affine"
EACH = "fake_quantize_per_channel_affine"
case(FIXED, Z, lambda x: aten.fake_quantize_per_tensor_affine(x, 0.07, 3, 0, 15))
case(FIXED, Z, lambda x, s: getattr(aten, FIXED)(x, *grid(x, s), -8, 7), "tensors", **S1)
case(EACH, Z, lambda x, s: getattr(aten, EACH)(x, *grid(x, s), 1, -8, 7), s=(WIDTH,))
each(
    Z,
    "_fake_quantize_learnable_per_tensor_affine",
    lambda f, x, s: f(x, *learnable(x, s), -8, 7),
    **S1,
)
each(
    Z,
    "_fake_quantize_learnable_per_channel_affine",
    lambda f, x, s: f(x.float(), *learnable(x, s.float()), 1, -8, 7),
    s=(WIDTH,),
)
for on in (0, 1):
    each(
        "cs",
        "_fused_moving_avg_obs_fq_helper fused_moving_avg_obs_fake_quant",
        lambda f, x, low, high, on=on: watched(f, x, low, high, on, False),
        f"all channels, {on}",
        low=(1,),
        high=(1,),
    )
    each(
        Z,
        "_fused_moving_avg_obs_fq_helper fused_moving_avg_obs_fake_quant",
        lambda f, x, low, high, on=on: watched(f, x.transpose(0, 1), low, high, on, True).transpose(
            0, 1
        ),
        f"each channel, {on}",
        low=(WIDTH,),
        high=(WIDTH,),
    )
