"""Run a network once and write down every ATen operator it calls.

The network's own Python runs under a dispatch mode, on meta tensors (shapes without data) wherever it
allows that. Compared with `torch.export` this sees the same operators, keeps `conv2d`, `linear` or
`layer_norm` whole, knows the user's line and module of each call, follows Python control flow, and
takes tens of milliseconds instead of seconds.
"""

from __future__ import annotations

import contextlib
import linecache
import random
import sys
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, is_dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch._ops import OpOverload
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_flatten, tree_map, tree_unflatten
from torch.utils.weak import WeakIdKeyDictionary

__all__ = [
    "Interpreter",
    "Node",
    "Program",
    "Source",
    "Value",
    "bind",
    "constant_of",
    "operator_name",
    "record",
    "run_method",
    "tensors_in",
    "undisturbed",
]

_SKIPPED_FOLDERS = (str(Path(torch.__file__).parent), str(Path(__file__).parent))
_SKIPPED_MODULES = ("copying", "contextlib.py", "<frozen")
_CONSTANT_ELEMENTS = 64


@dataclass(frozen=True)
class Source:
    """A line of the user's code."""

    file: str
    line: int

    def __str__(self) -> str:
        text = linecache.getline(self.file, self.line).strip()
        return f"{Path(self.file).name}:{self.line}" + (f" `{text}`" if text else "")


@dataclass(eq=False)
class Value:
    """A tensor seen while recording.

    Attributes:
        index: position among the program's values.
        shape: sizes of its axes.
        state: the state-dict name if it is a parameter or a buffer.
        constant: the numbers of a small tensor made by Python, compared between runs.
        storage: identity of the memory it views; in-place operators reach all views of it.
    """

    index: int
    shape: tuple[int, ...]
    dtype: torch.dtype
    state: str | None = None
    constant: tuple[float, ...] | None = None
    storage: int = 0


@dataclass(eq=False)
class Node:
    """One operator call; tensors among its arguments are `Value`s."""

    index: int
    op: OpOverload
    name: str
    arguments: dict[str, Any]
    outputs: tuple[Value, ...]
    module: str
    source: Source | None
    in_place: bool

    def tensors(self) -> Iterator[Value]:
        """All tensor arguments, in order."""
        for argument in self.arguments.values():
            if isinstance(argument, Value):
                yield argument
            elif isinstance(argument, (list, tuple)):
                yield from (item for item in argument if isinstance(item, Value))


@dataclass
class Program:
    """What one method of the network did: its operators in order."""

    method: str
    training: bool
    nodes: list[Node] = field(default_factory=list)
    values: list[Value] = field(default_factory=list)
    inputs: list[Value] = field(default_factory=list)
    outputs: list[Value] = field(default_factory=list)


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


def tensors_in(item: Any) -> list[Tensor]:
    """All tensors in nested tuples, lists, mappings and dataclasses, in order."""
    if isinstance(item, Tensor):
        return [item]
    if isinstance(item, Mapping):
        return [tensor for part in item.values() for tensor in tensors_in(part)]
    if isinstance(item, (list, tuple)):
        return [tensor for part in item for tensor in tensors_in(part)]
    if is_dataclass(item) and not isinstance(item, type):
        return [tensor for part in fields(item) for tensor in tensors_in(getattr(item, part.name))]
    return []


class Interpreter(TorchDispatchMode):
    """Hands every operator call to `step`, after splitting composite ones nobody understands."""

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        """Nothing is compiled here; torch would import its compiler (over a second) to say so."""
        return False

    def __init__(self, understood: Callable[[str], bool]) -> None:
        super().__init__()
        self._understood = understood
        self.module_stack: list[str] = [""]

    def __torch_dispatch__(
        self,
        func: OpOverload,
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        kwargs = kwargs or {}
        if func.namespace == "prim":
            return func(*args, **kwargs)
        if not self._understood(operator_name(func)):
            with self:
                result = func.decompose(*args, **kwargs)
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
            return op(*args, **kwargs)
        if all(t.is_meta for t in tensors):
            known = _shape_alone(op, bind(op, args, kwargs))
            return op(*args, **kwargs) if known is None else known
        stripped = [leaf.to("meta") if isinstance(leaf, Tensor) else leaf for leaf in leaves]
        args, kwargs = tree_unflatten(stripped, structure)
        result = op(*args, **kwargs)
        if op._schema.is_mutable and result is stripped[0]:
            return leaves[0]
        return result

    def watch(self, model: nn.Module) -> None:
        """Keep `module_stack` up to date while `model` runs (hooks stay on this private copy)."""
        for name, module in model.named_modules():
            module.register_forward_pre_hook(
                lambda _module, _args, name=name: self.module_stack.append(name), prepend=True
            )
            module.register_forward_hook(lambda _module, _args, _output: self._leave())

    def _leave(self) -> None:
        """Not called when a forward raises: the stack then ends with the module that did."""
        self.module_stack.pop()


_KEEP_SHAPE = frozenset(
    f"aten.{name}"
    for name in (
        "batch_norm instance_norm group_norm layer_norm relu relu6 hardtanh leaky_relu sigmoid "
        "hardsigmoid hardswish silu gelu elu tanh prelu dropout clone contiguous softmax"
    ).split()
)
_KEEP_COMMON_SHAPE = frozenset({"aten.add", "aten.mul", "aten.sub"})


def _shape_alone(op: OpOverload, arguments: dict[str, Any]) -> Tensor | None:
    """The result of operators whose shape is plain, but which torch works out in Python.

    On meta tensors torch decomposes these, and imports its compiler for the resizing: two thirds
    of the time of a trace.
    """
    name = operator_name(op)
    source = arguments.get("input", arguments.get("self"))
    if not isinstance(source, Tensor):
        return None
    if name in _KEEP_SHAPE and arguments.get("dtype") is None:
        return source if op._schema.is_mutable else torch.empty_like(source)
    if name in _KEEP_COMMON_SHAPE:
        other = arguments["other"]
        alike = isinstance(other, Tensor) and (other.shape, other.dtype) == (source.shape, source.dtype)
        if not alike:
            return None
        return source if op._schema.is_mutable else torch.empty_like(source)
    if name == "aten.upsample_bilinear2d" and source.dim() == 4:
        size = arguments.get("output_size")
        if size is None and arguments.get("scale_factors") is not None:
            pairs = zip(source.shape[2:], arguments["scale_factors"], strict=True)
            size = [int(length * scale) for length, scale in pairs]
        if size is not None:
            return source.new_empty((*source.shape[:2], *size))
    return None


def operator_name(op: OpOverload) -> str:
    """`aten.relu` for every overload of relu and relu_."""
    name = str(op._overloadpacket)
    return name[:-1] if name.endswith("_") and not name.endswith("__") else name


class Recorder(Interpreter):
    """Builds a `Program` from the calls it sees."""

    def __init__(
        self, program: Program, states: dict[int, str], understood: Callable[[str], bool]
    ) -> None:
        super().__init__(understood)
        self.program = program
        self._states = states
        self._values = WeakIdKeyDictionary()

    def value_of(self, tensor: Tensor) -> Value:
        known = self._values.get(tensor)
        if known is None:
            known = self._new_value(tensor)
            known.state = self._states.get(id(tensor))
            if known.state is None and tensor.numel() <= _CONSTANT_ELEMENTS:
                known.constant = constant_of(tensor)
        return known

    def _new_value(self, tensor: Tensor) -> Value:
        value = Value(
            len(self.program.values), tuple(tensor.shape), tensor.dtype, storage=_storage_of(tensor)
        )
        self.program.values.append(value)
        self._values[tensor] = value
        return value

    def _output(self, tensor: Tensor) -> Value:
        """In-place operators return a tensor that is known, unless its shape has changed."""
        known = self._values.get(tensor)
        same = known is not None and known.shape == tuple(tensor.shape)
        return known if same else self._new_value(tensor)

    def step(self, op: OpOverload, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        arguments = tree_map(
            lambda item: self.value_of(item) if isinstance(item, Tensor) else item,
            bind(op, args, kwargs),
        )
        result = self.call(op, args, kwargs)
        leaves = [leaf for leaf in tree_flatten(result)[0] if isinstance(leaf, Tensor)]
        outputs = tuple(self._output(leaf) for leaf in leaves)
        self.program.nodes.append(
            Node(
                index=len(self.program.nodes),
                op=op,
                name=operator_name(op),
                arguments=arguments,
                outputs=outputs,
                module=self.module_stack[-1],
                source=user_line(),
                in_place=op._schema.is_mutable,
            )
        )
        return result


def constant_of(tensor: Tensor) -> tuple[float, ...] | None:
    """The numbers of a small real tensor; None for one without data."""
    if tensor.is_meta or tensor.is_complex():
        return None
    return tuple(tensor.detach().reshape(-1).tolist())


def _storage_of(tensor: Tensor) -> int:
    try:
        return tensor.untyped_storage()._cdata
    except (NotImplementedError, RuntimeError):  # sparse tensors have none
        return 0


def user_line() -> Source | None:
    """The innermost line on the stack that belongs neither to torch nor to this package."""
    frame = sys._getframe(1)
    while frame is not None:
        file = frame.f_code.co_filename
        if not file.startswith(_SKIPPED_FOLDERS) and not any(s in file for s in _SKIPPED_MODULES):
            return Source(file, frame.f_lineno)
        frame = frame.f_back  # type: ignore[assignment]
    return None


def run_method(model: nn.Module, method: str, inputs: Any) -> Any:
    """Call a method with example inputs: a tensor, a tuple, or a dict of keyword arguments."""
    call = model if method == "forward" else getattr(model, method)
    if isinstance(inputs, dict):
        return call(**inputs)
    if isinstance(inputs, (tuple, list)):
        return call(*inputs)
    return call(inputs)


@contextlib.contextmanager
def undisturbed() -> Iterator[None]:
    """Our runs of the user's code leave no warnings and no change in any random generator."""
    python_state = random.getstate()
    with warnings.catch_warnings(), torch.random.fork_rng(devices=[]):
        warnings.simplefilter("ignore")
        random.seed(0)
        torch.manual_seed(0)
        fast_path = torch.backends.mha.get_fastpath_enabled()
        torch.backends.mha.set_fastpath_enabled(False)  # one fused operator would hide the layers
        try:
            yield
        finally:
            torch.backends.mha.set_fastpath_enabled(fast_path)
            random.setstate(python_state)


def record(
    model: nn.Module,
    names: dict[int, str],
    method: str,
    inputs: Any,
    understood: Callable[[str], bool],
) -> Program:
    """Run `method` of a private copy on private inputs and return its operators.

    Args:
        model: the copy, in the mode (training or evaluation) to be recorded.
        names: `id(tensor)` -> state-dict name, for the copy's parameters and buffers.
        understood: whether a rule exists for an operator name; others are split where possible.
    """
    program = Program(method, model.training)
    recorder = Recorder(program, names, understood)
    recorder.watch(model)
    with undisturbed(), torch.inference_mode():
        program.inputs = [recorder.value_of(leaf) for leaf in tensors_in(inputs)]
        for value in program.inputs:
            value.constant = None
        with recorder:
            outputs = run_method(model, method, inputs)
        program.outputs = [recorder.value_of(leaf) for leaf in tensors_in(outputs)]
    return program
