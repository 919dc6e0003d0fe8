"""Run a network once and write down every ATen operator it calls.

The network's own Python runs under a dispatch mode, on meta tensors (shapes without data) wherever
it allows that. Compared with `torch.export` this sees the same operators, keeps `conv2d`, `linear`
or `layer_norm` whole, knows the user's line and module of each call, follows Python control flow,
and takes tens of milliseconds instead of seconds.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch._ops import OpOverload
from torch.utils._pytree import tree_flatten, tree_map
from torch.utils.weak import WeakIdKeyDictionary

from segprune.core.execution import hidden_in, preserve_global_state, run_method, tensors_in
from segprune.core.tracing.dispatch import Interpreter, bind, operator_name, user_line
from segprune.core.tracing.ir import Node, Program, Value
from segprune.errors import ModelError, TraceError

__all__ = ["constant_of", "record"]

_CONSTANT_ELEMENTS = 64


class Recorder(Interpreter):
    """Builds a `Program` from the calls it sees."""

    def __init__(
        self,
        program: Program,
        states: dict[int, str],
        foreign: dict[int, str],
        understood: Callable[[str], bool],
    ) -> None:
        super().__init__(understood)
        self.program = program
        self._states = states
        self._foreign = foreign
        self._values = WeakIdKeyDictionary()

    def value_of(self, tensor: Tensor) -> Value:
        known: Value | None = self._values.get(tensor)
        if known is None:
            known = self._new_value(tensor)
            known.state = self._states.get(id(tensor))
            if id(tensor) in self._foreign:
                raise ModelError(
                    f"{self._foreign[id(tensor)]}: expected a copy of the network to use its own "
                    "tensors, found that it uses those of the original: a lambda, closure or hook "
                    "has captured `self` or a layer. Make it a method, or a module."
                )
            if known.state is None:
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
        known: Value | None = self._values.get(tensor)
        if known is not None and known.shape == tuple(tensor.shape):
            return known
        return self._new_value(tensor)

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


def constant_of(tensor: Tensor) -> tuple[float, ...] | str | None:
    """What tells one real tensor from another: its numbers, or their digest; None without data."""
    if tensor.is_meta or tensor.is_complex() or tensor.layout != torch.strided:
        return None
    values = tensor.detach().reshape(-1)
    if values.numel() <= _CONSTANT_ELEMENTS:
        return tuple(values.tolist())
    return hashlib.sha256(values.cpu().contiguous().view(torch.uint8).numpy().tobytes()).hexdigest()


def _storage_of(tensor: Tensor) -> int:
    try:
        return int(tensor.untyped_storage()._cdata)
    except (NotImplementedError, RuntimeError):  # sparse tensors have none
        return 0


def record(
    model: nn.Module,
    names: dict[int, str],
    foreign: dict[int, str],
    method: str,
    inputs: Any,
    understood: Callable[[str], bool],
) -> Program:
    """Run `method` of a private copy on private inputs and return its operators.

    Args:
        model: the copy, in the mode (training or evaluation) to be recorded.
        names: `id(tensor)` -> state-dict name, for the copy's parameters and buffers.
        foreign: the same for the original's, which the copy must not touch.
        understood: whether a rule exists for an operator name; others are split where possible.
    """
    program = Program(method, model.training)
    recorder = Recorder(program, names, foreign, understood)
    recorder.watch(model)
    # Code may ask whether gradients are enabled: training enables them.
    with (
        preserve_global_state(model=model),
        torch.inference_mode(),
        torch.set_grad_enabled(model.training),
    ):
        program.inputs = [recorder.value_of(leaf) for leaf in tensors_in(inputs)]
        for value in program.inputs:
            value.constant = None
        with recorder:
            outputs = run_method(model, method, inputs)
        hidden = hidden_in(outputs)
        if hidden is not None:
            raise TraceError(
                f"{method}: expected tensors in tuples, lists, mappings or dataclasses as its "
                f"output, found a {type(hidden).__name__} that holds some, where no channel can "
                "be followed; return them in one of those."
            )
        program.outputs = [recorder.value_of(leaf) for leaf in tensors_in(outputs)]
    return program
