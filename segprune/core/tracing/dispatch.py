"""See every ATen operator a network calls, composite ones whole where a rule knows them."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from traceback import walk_tb
from typing import Any, Self

import torch
from torch import Tensor, nn
from torch._ops import OpOverload
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_flatten, tree_unflatten

from segprune.core.execution import PACKAGE, theirs
from segprune.core.tracing.ir import Source

__all__ = ["Interpreter", "bind", "operator_name", "raised_at", "user_line"]

_SKIPPED_FOLDERS = (str(Path(torch.__file__).parent) + os.sep, PACKAGE)
# Other packages may lie in a folder of the standard library: their lines count as the user's.
_STANDARD_LIBRARY = str(Path(os.__file__).parent) + os.sep
_PACKAGES = tuple(f"{os.sep}{name}{os.sep}" for name in ("site-packages", "dist-packages"))
_BYSTANDERS = ("prim", "profiler")
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
_COMMON_SHAPE = frozenset({"aten.add", "aten.mul", "aten.sub"})


class _Numbers(TorchFunctionMode):
    """Lets tensors that Python makes of numbers have them, where they would be without data.

    `torch.tensor(x.shape[1], device=x.device)` would forget the width that it was given.
    """

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        kwargs = kwargs or {}
        if func is Tensor.new_tensor and args[0].is_meta:
            func, dtype = torch.tensor, kwargs.get("dtype") or args[0].dtype
            args, kwargs = args[1:], {"device": "meta", **kwargs, "dtype": dtype}
        if func in (torch.tensor, torch.as_tensor) and _is_meta(kwargs.get("device")):
            given = args[0] if args else kwargs.get("data")
            if not isinstance(given, Tensor):
                kwargs = {**kwargs, "device": "cpu"}
        return theirs(func, *args, **kwargs)


def _is_meta(device: Any) -> bool:
    return device is not None and torch.device(device).type == "meta"


class Interpreter(TorchDispatchMode):
    """Hands every operator call to `step`, after splitting composite ones nobody understands."""

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        """Nothing is compiled here; torch would import its compiler (over a second) to say so."""
        return False

    def __init__(self, understood: Callable[[str], bool]) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._understood = understood
        self.module_stack: list[str] = [""]
        self.innermost = ""
        self._numbers = _Numbers()

    def __enter__(self) -> Self:
        self._numbers.__enter__()  # type: ignore[no-untyped-call]
        super().__enter__()  # type: ignore[no-untyped-call]
        return self

    def __exit__(self, *raised: Any) -> None:
        super().__exit__(*raised)  # type: ignore[no-untyped-call]
        self._numbers.__exit__(*raised)  # type: ignore[no-untyped-call]

    def __torch_dispatch__(
        self,
        func: OpOverload,
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        kwargs = kwargs or {}
        if func.namespace in _BYSTANDERS:
            return theirs(func, *args, **kwargs)
        if not self._understood(operator_name(func)):
            # Functions of a mode would take a part of the operator for the whole, without end.
            with torch._C.DisableTorchFunction(), self:
                result = theirs(func.decompose, *args, **kwargs)
            if result is not NotImplemented:
                return result
        return self.step(func, args, kwargs)

    def step(self, op: OpOverload, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        raise NotImplementedError

    def call(self, op: OpOverload, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Run an operator; beside meta tensors, tensors that Python made are stripped of data."""
        leaves, structure = tree_flatten((args, kwargs))
        tensors = [leaf for leaf in leaves if isinstance(leaf, Tensor)]
        if not any(t.is_meta for t in tensors):
            return theirs(op, *args, **kwargs)
        if all(t.is_meta for t in tensors):
            known = _shape_alone(op, bind(op, args, kwargs))
            return theirs(op, *args, **kwargs) if known is None else known
        stripped = [leaf.to("meta") if isinstance(leaf, Tensor) else leaf for leaf in leaves]
        args, kwargs = tree_unflatten(stripped, structure)
        result = theirs(op, *args, **kwargs)
        if op._schema.is_mutable and result is stripped[0]:
            return leaves[0]
        return result

    def watch(self, model: nn.Module) -> None:
        """Keep `module_stack` and `innermost` up to date while `model` runs.

        The hooks stay on this private copy. A module that raises leaves the stack as well, for the
        user's code may catch the exception and go on; `innermost` is then still that module.
        """
        for name, module in model.named_modules():
            module.register_forward_pre_hook(
                lambda _module, _args, name=name: self._enter(name), prepend=True
            )
            module.register_forward_hook(
                lambda _module, _args, output: self._leave(output), always_call=True
            )

    def _enter(self, name: str) -> None:
        self.module_stack.append(name)
        self.innermost = name

    def _leave(self, output: Any) -> None:
        self.module_stack.pop()
        if output is not None:  # None: the forward raised
            self.innermost = self.module_stack[-1]


def operator_name(op: OpOverload) -> str:
    """`aten.relu` for every overload of relu and relu_."""
    name = str(op._overloadpacket)
    return name[:-1] if name.endswith("_") and not name.endswith("__") else name


def bind(op: OpOverload, args: Sequence[Any], kwargs: dict[str, Any]) -> dict[str, Any]:
    """Arguments by their names in the operator's schema, defaults filled in."""
    bound: dict[str, Any] = {}
    for position, argument in enumerate(op._schema.arguments):
        if position < len(args):
            bound[argument.name] = args[position]
        elif argument.name in kwargs:
            bound[argument.name] = kwargs[argument.name]
        elif argument.has_default_value():
            bound[argument.name] = argument.default_value
    return bound


def user_line() -> Source | None:
    """The innermost line on the stack that belongs neither to torch nor to this package."""
    frame = sys._getframe(1)
    while frame is not None:
        file = frame.f_code.co_filename
        if not _is_skipped(file):
            return Source(file, frame.f_lineno)
        frame = frame.f_back  # type: ignore[assignment]
    return None


def raised_at(error: BaseException) -> Source | None:
    """Return the innermost line of the user's code that an exception passed through."""
    frames = [(frame.f_code.co_filename, line) for frame, line in walk_tb(error.__traceback__)]
    lines = [Source(file, line) for file, line in frames if not _is_skipped(file)]
    return lines[-1] if lines else None


def _is_skipped(file: str) -> bool:
    """Return whether a line belongs to torch, to this package or to Python itself."""
    if file.startswith((*_SKIPPED_FOLDERS, "<frozen ")):
        return True
    return file.startswith(_STANDARD_LIBRARY) and not any(part in file for part in _PACKAGES)


def _shape_alone(op: OpOverload, arguments: dict[str, Any]) -> Tensor | None:
    """The result of operators whose shape is plain, but which torch works out in Python.

    On meta tensors torch decomposes these, and imports its compiler for the resizing: two thirds
    of the time of a trace.
    """
    name = operator_name(op)
    if name == "aten.cat":
        return _joined(arguments["tensors"], arguments["dim"])
    if name == "aten.scaled_dot_product_attention":
        return _attended(*(arguments[key] for key in ("query", "key", "value", "attn_mask")))
    source = arguments.get("input", arguments.get("self"))
    if not isinstance(source, Tensor):
        return None
    if name in _KEEP_SHAPE and arguments.get("dtype") is None:
        if op._schema.is_mutable:
            return source
        if name in _CONTIGUOUS:
            return source.new_empty(source.shape)
        if name in _LAID_OUT:
            return _laid_out(source, source.shape)
        return torch.empty_like(source, memory_format=arguments.get("memory_format"))
    if name in _COMMON_SHAPE and isinstance(arguments["other"], Tensor):
        return _broadcast(source, arguments["other"], op._schema.is_mutable)
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
