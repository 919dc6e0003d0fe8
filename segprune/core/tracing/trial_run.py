"""Run a trial-pruned copy beside the record of the dense network and note where they part.

The pruned copy runs the network's own Python. Where that code holds a literal channel count, or
computes a number from a size that pruning changes, the copy calls an operator with other arguments,
or gets another shape, than the labels predict. Every such place is found in one run, because the
run goes on with a tensor of the predicted shape; what was found is frozen, and the labels are made
anew.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch._ops import OpOverload
from torch.utils._pytree import tree_flatten
from torch.utils.weak import WeakIdKeyDictionary

from segprune.core.axes import Axes, Count, Site
from segprune.core.execution import preserve_global_state, run_method, tensors_in
from segprune.core.tracing.capture import constant_of
from segprune.core.tracing.dispatch import Interpreter, bind, operator_name
from segprune.core.tracing.ir import Node, Program, Value
from segprune.core.tracing.propagate import Propagation

__all__ = ["Mismatch", "probe", "trial_mask"]

_RELATIVE = 1e-9
_SMALL = 4
_NARROW = 0.1
_GOLDEN = 0.618034
_WHOLE_SLICE = {"aten.slice", "aten.alias"}


@dataclass(frozen=True)
class Mismatch:
    """A place where the trial-pruned copy did not do what the labels predict.

    Attributes:
        site: the operator of the dense record.
        kind: "shape", "argument" or "path" (another operator, or an error in the user's code).
        text: what was expected and found, in words.
        numbers: dense and pruned value of a number that differs.
        module: path of the module whose `forward` was running.
        asked: the sizes that the pruned copy asked for, where it named any.
    """

    site: Site
    kind: str
    text: str
    numbers: tuple[float, float] | None = None
    module: str = ""
    asked: tuple[int, ...] = ()


def trial_mask(state: Propagation, seed: int) -> NDArray[np.bool_]:
    """A random selection of labels to keep, `(labels,)`; no axis becomes empty.

    Sizes must not fit by coincidence: neighbouring layers keep different shares, other ones for
    every seed, and consecutive parts of a cut keep few and many in turn. Every fourth seed keeps
    about as few as a plan may by default: code can ask for a size and do something else below it.
    """
    random = np.random.default_rng(seed)
    everything = np.arange(len(state.labels))
    roots = state.labels.find(everything)
    share = np.full(len(everything), 0.6)
    for number, layer in enumerate(state.layers.values()):
        share[state.labels.find(layer.rows)] = 0.3 + 0.65 * ((number * _GOLDEN + seed * 0.37) % 1)
    for number, part in enumerate(state.parts):
        few = (number + seed) % 2
        share[state.labels.find(part)] = random.uniform(0.1, 0.4) if few else random.uniform(0.7, 1)
    narrow = seed % 4 == 3
    if narrow:
        share[:] = _NARROW
    mask = random.random(len(everything)) < share
    mask |= state.labels.is_frozen(everything)
    mask = mask[roots]
    vectors = [vector for slots in state.slots.values() for vector in slots.values()]
    for vector in [*vectors, *state.parts]:
        # One channel is a case of its own (it would be broadcast), and only small layers get there.
        least = 1 if len(vector) <= _SMALL else _SMALL if narrow else 2
        if mask[state.labels.find(vector)].sum() < least:
            mask[state.labels.find(vector[:least])] = True
    return mask[roots]


class _DivergedError(Exception):
    """The pruned copy called another operator than the dense network did."""


class _Prober(Interpreter):
    def __init__(
        self,
        program: Program,
        number: int,
        state: Propagation,
        count: Count,
        states: dict[int, str],
        understood: Callable[[str], bool],
    ) -> None:
        super().__init__(understood)
        self.mismatches: list[Mismatch] = []
        self.position = 0
        self._asked: tuple[int, ...] = ()
        self._program, self._number, self._state, self._count = program, number, state, count
        self._states = {value.state: value for value in program.values if value.state}
        self._names = states
        self._values = WeakIdKeyDictionary()

    def learn(self, tensor: Tensor, value: Value) -> None:
        self._values[tensor] = value

    def step(self, op: OpOverload, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        node = self._next(op)
        shapes = [
            self._shape(v, a) for v, a in zip(node.outputs, self._predicted(node), strict=True)
        ]
        if op is not node.op:  # torch hands out an alias where a slice covers everything
            self._report(
                node, "shape", f"found {operator_name(op)}: a bound fits only the dense size"
            )
            result, leaves = self._stand_in(op, args, node, shapes)
            self._values[leaves[0]] = node.outputs[0]
            return result
        arguments = bind(op, args, kwargs)
        self._asked = _sizes(arguments)
        self._compare(node, arguments)
        try:
            result = self.call(op, args, kwargs)
        except Exception as error:  # the user's literal met a pruned tensor
            self._report(node, "shape", f"{type(error).__name__}: {str(error).splitlines()[0]}")
            result = None
        leaves = [leaf for leaf in tree_flatten(result)[0] if isinstance(leaf, Tensor)]
        if [tuple(leaf.shape) for leaf in leaves] != shapes:
            if result is not None:
                found = ", ".join(str(tuple(leaf.shape)) for leaf in leaves)
                wanted = ", ".join(map(str, shapes))
                self._report(node, "shape", f"expected {wanted}, found {found}")
            result, leaves = self._stand_in(op, args, node, shapes)
        for leaf, value in zip(leaves, node.outputs, strict=True):
            self._values[leaf] = value
        return result

    def _next(self, op: OpOverload) -> Node:
        if self.position >= len(self._program.nodes):
            raise _DivergedError(f"one more operator, {op}")
        node = self._program.nodes[self.position]
        if node.op is not op and {node.name, operator_name(op)} != _WHOLE_SLICE:
            raise _DivergedError(f"operator {op} instead of {node.op}")
        self.position += 1
        return node

    def _predicted(self, node: Node) -> tuple[Axes, ...]:
        return self._state.predicted[(self._number, node.index)]

    def _shape(self, value: Value, axes: Axes) -> tuple[int, ...]:
        return tuple(
            self._count(axes[dim].labels) if dim in axes else size
            for dim, size in enumerate(value.shape)
        )

    def _stand_in(
        self, op: OpOverload, args: tuple[Any, ...], node: Node, shapes: list[tuple[int, ...]]
    ) -> tuple[Any, list[Tensor]]:
        """Tensors of the predicted shapes, so that one mistake does not hide the next."""
        if node.in_place and args and isinstance(args[0], Tensor):
            return args[0], [args[0]] * len(node.outputs)
        device = next((item.device for item in args if isinstance(item, Tensor)), None)
        made = [
            torch.empty(shape, dtype=value.dtype, device=device)
            for shape, value in zip(shapes, node.outputs, strict=True)
        ]
        returns = op._schema.returns
        if len(returns) == 1 and "List" not in str(returns[0].type):
            return made[0], made
        return (made if len(returns) == 1 else tuple(made)), made

    # -- comparing arguments -------------------------------------------------------------------

    def _compare(self, node: Node, arguments: dict[str, Any]) -> None:
        expected = self._state.expected.get((self._number, node.index), {})
        for name, dense in node.arguments.items():
            pruned = arguments[name]
            if isinstance(dense, Value) or isinstance(pruned, Tensor):
                self._same_tensor(node, name, dense, pruned)
            elif _has_tensors(dense):
                pairs = (
                    zip(dense, pruned, strict=False) if isinstance(pruned, (list, tuple)) else ()
                )
                for one, other in pairs:
                    self._same_tensor(node, name, one, other)
                if len(dense) != len(pruned):
                    raise _DivergedError(f"{len(pruned)} tensors instead of {len(dense)}")
            elif name in expected:
                labels = expected[name]
                if labels is not None:
                    wanted = self._count(labels)
                    self._same(node, name, wanted, _bound(name, pruned, arguments))
            else:
                self._same(node, name, dense, pruned)

    def _same_tensor(self, node: Node, name: str, dense: Any, pruned: Any) -> None:
        if not isinstance(dense, Value) or not isinstance(pruned, Tensor):
            if dense is None and pruned is None:
                return
            raise _DivergedError(f"argument {name} of {node.op}")
        value = self._values.get(pruned)
        if value is None and id(pruned) in self._names:
            value = self._states.get(self._names[id(pruned)])
        if value is not None and value is not dense:
            raise _DivergedError(f"{node.op} reads another tensor as {name}")
        if value is None and dense.constant is not None:
            self._same(node, name, dense.constant, constant_of(pruned))

    def _same(self, node: Node, name: str, dense: Any, pruned: Any) -> None:
        if isinstance(dense, (list, tuple)) and isinstance(pruned, (list, tuple)):
            if len(dense) == len(pruned):
                for one, other in zip(dense, pruned, strict=True):
                    self._same(node, name, one, other)
                return
        elif isinstance(dense, (int, float)) and isinstance(pruned, (int, float)):
            if math.isclose(dense, pruned, rel_tol=_RELATIVE) or dense == pruned:
                return
            numbers = (float(dense), float(pruned))
            self._report(node, "argument", f"{name} is {pruned}, expected {dense}", numbers)
            return
        elif dense == pruned or (
            isinstance(dense, torch.Generator) and isinstance(pruned, torch.Generator)
        ):  # each copy of a network has its own
            return
        self._report(node, "argument", f"{name} is {pruned}, expected {dense}")

    def _report(
        self, node: Node, kind: str, text: str, numbers: tuple[float, float] | None = None
    ) -> None:
        site = (self._number, node.index)
        found = Mismatch(site, kind, text, numbers, node.module, self._asked)
        self.mismatches.append(found)


def _sizes(arguments: Mapping[str, Any]) -> tuple[int, ...]:
    """Sizes of the result that a view was given, -1 included."""
    named = arguments.get("size", arguments.get("shape"))
    whole = isinstance(named, (list, tuple)) and all(isinstance(item, int) for item in named)
    return tuple(named) if whole and named is not None else ()


def _has_tensors(item: Any) -> bool:
    return isinstance(item, (list, tuple)) and any(isinstance(part, Value) for part in item)


def _bound(name: str, value: Any, arguments: Mapping[str, Any]) -> Any:
    """A slice's bound, counted from the start and cut off at the size."""
    if name not in ("start", "end"):
        return value
    tensor = next(item for item in arguments.values() if isinstance(item, Tensor))
    size = tensor.shape[int(arguments.get("dim", 0))]
    if value is None:
        return 0 if name == "start" else size
    return max(0, min(size, value + size if value < 0 else value))


def probe(
    copy: nn.Module,
    names: dict[int, str],
    inputs: Any,
    program: Program,
    number: int,
    state: Propagation,
    count: Count,
    understood: Callable[[str], bool],
) -> list[Mismatch]:
    """Run one method of a pruned copy; every place that differs from the prediction.

    Args:
        copy: the pruned copy, in the mode in which `program` was recorded.
        names: `id(tensor)` -> state-dict name, for the copy's tensors.
        number: the program's position among those that `state` labelled.
        count: how many positions of an axis the copy keeps.
    """
    prober = _Prober(program, number, state, count, names, understood)
    prober.watch(copy)
    failure: str | None = None
    with (
        preserve_global_state(model=copy),
        torch.inference_mode(),
        torch.set_grad_enabled(program.training),
    ):
        leaves = tensors_in(inputs)
        for tensor, value in zip(leaves, program.inputs, strict=True):
            prober.learn(tensor, value)
        try:
            with prober:
                run_method(copy, program.method, inputs)
            if prober.position < len(program.nodes):
                failure = "fewer operators than the dense network"
        except _DivergedError as error:
            failure = str(error)
        except Exception as error:
            failure = f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}"
    if failure is not None and not prober.mismatches:
        last = min(prober.position, len(program.nodes) - 1)
        module = prober.innermost
        prober.mismatches.append(Mismatch((number, last), "path", failure, None, module))
    return prober.mismatches
