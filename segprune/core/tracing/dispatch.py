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
from segprune.core.tracing.plain_shapes import shape_alone

__all__ = ["Interpreter", "bind", "operator_name", "raised_at", "user_line"]

_SKIPPED_FOLDERS = (str(Path(torch.__file__).parent) + os.sep, PACKAGE)
# Other packages may lie in a folder of the standard library: their lines count as the user's.
_STANDARD_LIBRARY = str(Path(os.__file__).parent) + os.sep
_PACKAGES = tuple(f"{os.sep}{name}{os.sep}" for name in ("site-packages", "dist-packages"))
_BYSTANDERS = ("prim", "profiler")


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
            known = shape_alone(operator_name(op), op._schema.is_mutable, bind(op, args, kwargs))
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
