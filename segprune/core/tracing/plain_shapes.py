"""Shapes that are plain, but that torch works out in Python, operator by operator.

On meta tensors torch decomposes these, and imports its compiler for the resizing: two thirds of the
time of a trace. A recurrent layer is decomposed into several operators a step.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

__all__ = ["shape_alone"]

# fmt: off
_KEEP_SHAPE = frozenset({
    "aten.batch_norm", "aten.instance_norm", "aten.group_norm", "aten.layer_norm", "aten.relu",
    "aten.relu6", "aten.hardtanh", "aten.leaky_relu", "aten.sigmoid", "aten.hardsigmoid",
    "aten.hardswish", "aten.silu", "aten.gelu", "aten.elu", "aten.tanh", "aten.prelu",
    "aten.clone", "aten.softmax", "aten.fake_quantize_per_tensor_affine",
    "aten.fake_quantize_per_channel_affine", "aten._fake_quantize_learnable_per_tensor_affine",
    "aten._fake_quantize_learnable_per_channel_affine",
})
# fmt: on
# Their results are laid out afresh: as channels last where the input is, or contiguous.
_LAID_OUT = frozenset({"aten.batch_norm", "aten.group_norm"})
_CONTIGUOUS = frozenset({"aten.instance_norm", "aten.layer_norm", "aten.softmax"})
_RECURRENT = {"aten.gru", "aten.lstm", "aten.rnn_tanh", "aten.rnn_relu"}
_COMMON_SHAPE = frozenset({"aten.add", "aten.mul", "aten.sub"})


def shape_alone(name: str, in_place: bool, arguments: dict[str, Any]) -> Any:
    """Return an operator's result on meta tensors without asking torch, or None.

    Args:
        name: such as `aten.cat`.
        in_place: whether the operator writes into its first argument.
        arguments: by their names in the operator's schema.
    """
    if name == "aten.cat":
        return _joined(arguments["tensors"], arguments["dim"])
    if name in _RECURRENT and "batch_sizes" not in arguments:
        return _remembered(name, **arguments)
    if name == "aten.scaled_dot_product_attention":
        return _attended(*(arguments[key] for key in ("query", "key", "value", "attn_mask")))
    source = arguments.get("input", arguments.get("self"))
    if not isinstance(source, Tensor):
        return None
    if name in _KEEP_SHAPE and arguments.get("dtype") is None:
        if in_place:
            return source
        if name in _CONTIGUOUS:
            return source.new_empty(source.shape)
        if name in _LAID_OUT:
            return _laid_out(source, source.shape)
        return torch.empty_like(source, memory_format=arguments.get("memory_format"))
    if name in _COMMON_SHAPE and isinstance(arguments["other"], Tensor):
        return _broadcast(source, arguments["other"], in_place)
    if name == "aten.linear":
        return _linear(source, arguments["weight"], arguments["bias"])
    if name == "aten.mean" and arguments["dtype"] is None and source.is_floating_point():
        return _averaged(source, arguments.get("dim"), arguments.get("keepdim", False))
    if name == "aten.adaptive_avg_pool2d" and source.dim() == 4:
        return _laid_out(source, (*source.shape[:2], *arguments["output_size"]))
    if name == "aten.upsample_bilinear2d" and source.dim() == 4:
        size = arguments.get("output_size")
        if size is None and arguments.get("scale_factors") is not None:
            pairs = zip(source.shape[2:], arguments["scale_factors"], strict=True)
            size = [int(length * scale) for length, scale in pairs]
        if size is not None:
            return _laid_out(source, (*source.shape[:2], *size))
    return None


def _laid_out(source: Tensor, shape: Sequence[int]) -> Tensor:
    """Return an empty tensor, in channels last if the source is."""
    last = source.dim() == 4 and source.is_contiguous(memory_format=torch.channels_last)
    layout = torch.channels_last if last and not source.is_contiguous() else None
    return torch.empty(
        tuple(shape),
        dtype=source.dtype,
        device=source.device,
        memory_format=layout or torch.contiguous_format,
    )


def _joined(tensors: Sequence[Tensor], dim: int) -> Tensor | None:
    """`torch.cat` of tensors that fit; None leaves the others, and the errors, to torch."""
    first = tensors[0]
    if not first.dim() or any((t.dim(), t.dtype) != (first.dim(), first.dtype) for t in tensors):
        return None
    shape = list(first.shape)
    if not -len(shape) <= dim < len(shape):
        return None
    for tensor in tensors[1:]:
        other = list(tensor.shape)
        shape[dim] += other[dim]
        other[dim] = shape[dim]
        if other != shape:
            return None
    return first.new_empty(shape)


def _broadcast(first: Tensor, second: Tensor, in_place: bool) -> Tensor | None:
    """A sum or product of tensors of one type that fit; None leaves the others to torch."""
    if first.dtype != second.dtype or first.dim() != second.dim():
        return None
    pairs = list(zip(first.shape, second.shape, strict=True))
    if any(one != other and 1 not in (one, other) for one, other in pairs):
        return None
    shape = tuple(max(pair) if min(pair) else 0 for pair in pairs)
    if in_place:
        return first if shape == tuple(first.shape) else None
    return first.new_empty(shape)


def _linear(source: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor | None:
    """A linear layer's result, if its tensors fit; None leaves the errors to torch."""
    if not source.dim() or weight.dim() != 2 or source.shape[-1] != weight.shape[1]:
        return None
    if bias is not None and (bias.dtype, tuple(bias.shape)) != (source.dtype, weight.shape[:1]):
        return None
    return source.new_empty((*source.shape[:-1], len(weight))) if _alike(source, weight) else None


def _attended(query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None) -> Tensor | None:
    """The result of attention, if its tensors fit; None leaves the others to torch."""
    if query.dim() < 3 or not _alike(query, key, value) or query.shape[-1] != key.shape[-1]:
        return None
    if key.shape[:-1] != value.shape[:-1] or query.shape[:-2] != key.shape[:-2]:
        return None
    scores = (*query.shape[:-1], key.shape[-2])
    if mask is not None and not (_alike(query, mask) and _stretches(mask.shape, scores)):
        return None
    return query.new_empty((*query.shape[:-1], value.shape[-1]))


def _stretches(shape: Sequence[int], wanted: Sequence[int]) -> bool:
    """Whether a tensor of at least two axes can be broadcast to a shape."""
    pairs = zip(reversed(shape), reversed(wanted), strict=False)
    return 2 <= len(shape) <= len(wanted) and all(size in (1, full) for size, full in pairs)


def _averaged(source: Tensor, dims: Sequence[int] | None, keep: bool) -> Tensor | None:
    """A mean over axes that are there, each once; None leaves the others to torch."""
    rank = source.dim()
    if any(not -rank <= dim < rank for dim in dims or ()):
        return None
    gone = {dim % rank for dim in dims or range(rank)}
    if len(gone) != len(dims or range(rank)):
        return None
    sizes = [1 if dim in gone else size for dim, size in enumerate(source.shape)]
    return source.new_empty([size for dim, size in enumerate(sizes) if keep or dim not in gone])


def _alike(*tensors: Tensor) -> bool:
    return len({tensor.dtype for tensor in tensors}) == 1


def _remembered(
    name: str, input: Tensor, hx: Any, params: Sequence[Tensor], batch_first: bool, **others: Any
) -> tuple[Tensor, ...] | None:
    """Every step, and what each layer and direction holds after the last one."""
    if not _alike(input, *params) or input.shape[-1] != params[0].shape[1]:
        return None
    start = hx if name == "aten.lstm" else [hx]
    ways = 2 if others["bidirectional"] else 1
    count, steps = input.shape[:2] if batch_first else input.shape[1::-1]
    if any(tuple(s.shape[:2]) != (ways * others["num_layers"], count) for s in start):
        return None
    outputs = input.new_empty((steps, count, ways * start[0].shape[-1]))
    return (
        outputs.transpose(0, 1) if batch_first else outputs,
        *(torch.empty_like(state) for state in start),
    )
