"""`trace`: run a network, label its channels, and settle by trial what is left open."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from itertools import zip_longest
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_map

from segprune.core.execution import is_ours, tensors_in
from segprune.core.labels import LabelVector
from segprune.core.modules import (
    aliases,
    computed_weights,
    copy_with,
    require_prunable,
    tensors_of,
)
from segprune.core.rules.catalogue import understood
from segprune.core.state.snapshot import preserve_attributes
from segprune.core.surgery import correct_attributes
from segprune.core.tracing.alternatives import Alternatives
from segprune.core.tracing.capture import record
from segprune.core.tracing.dispatch import raised_at
from segprune.core.tracing.graph import ChannelGraph, states_read
from segprune.core.tracing.ir import Node, Program
from segprune.core.tracing.propagate import Propagation, kept_count, propagate
from segprune.core.tracing.provenance import Origins, origins_of
from segprune.core.tracing.refine import Settlement
from segprune.core.tracing.stale_caches import require_fresh
from segprune.core.tracing.trial_run import Mismatch, probe, trial_mask
from segprune.errors import InputError, ModelError, SegpruneError, TraceError

__all__ = ["trace"]

_MAX_ROUNDS, _PATIENCE = 160, 100
# One trial may fit by coincidence: two axes keep as many channels, or all counts are even.
_CLEAN_ROUNDS, _FEWER_ROUNDS, _SMALL_NETWORK = 6, 4, 1500


def trace(model: nn.Module, example_inputs: Any, *, settle: bool = True) -> ChannelGraph:
    """Label every channel of a network.

    The network runs on meta tensors (no data, no memory): `forward` in evaluation mode, every
    method that it lists in `traced_methods`, and `forward` in training mode. Then trial-pruned
    copies run as well, so that literal channel counts and numbers computed from a pruned size are
    found, and frozen with the user's line.

    Args:
        model: any `nn.Module`; it is not changed.
        example_inputs: a tensor `(N, C, H, W)`, a tuple of positional arguments, or a dict of
            keyword arguments.
        settle: False skips trial runs: enough to count costs.

    Raises:
        ModelError: the network cannot be copied, carries masks, or adds parameters as it runs.
        InputError: the example inputs hold no tensor.
        TraceError: `forward` does not run on the example inputs.
    """
    require_prunable(model)
    if not tensors_in(example_inputs):
        raise InputError(
            f"example_inputs: expected a tensor, a tuple or a dict of keyword arguments with "
            f"tensors in it, found {type(example_inputs).__name__}; pass e.g. "
            "torch.rand(1, 3, 64, 128)."
        )
    tracer = _Tracer(model, example_inputs)
    return tracer.run() if settle else tracer.run_once()


class _Tracer:
    """Records the methods of a network and settles its labels by trial."""

    def __init__(self, model: nn.Module, example_inputs: Any) -> None:
        self.model, self.example = model, example_inputs
        self.names = aliases(model)
        self.tensors = tensors_of(model)
        self.sealed = computed_weights(model)
        self.foreign = {id(tensor): name for name, tensor in self.tensors.items()}
        self.without_data = True
        self.needs_data = ""
        self.runs: list[tuple[str, bool, Any]] = []
        self.programs: list[Program] = []
        self.untraced: dict[str, str] = {}

    def _is_small(self) -> bool:
        return sum(len(program.nodes) for program in self.programs) < _SMALL_NETWORK

    def run_once(self) -> ChannelGraph:
        self._record_forward()
        self._record_training()
        return self._graph(propagate(self.programs, self.sealed), {})

    def run(self) -> ChannelGraph:
        self._record_forward()
        self._record_training()
        settlement = Settlement(self.model, self._origins)
        alternatives = Alternatives(self._propagate)
        clean = 0
        for number in range(_MAX_ROUNDS):
            state = self._propagate(settlement)
            graph = self._graph(state, settlement.bound(state))
            if (before := alternatives.refuted(settlement, state)) is not None:
                settlement = before
                continue
            mismatches = self._probe(graph, seed=number)
            if any(found.kind == "path" for found in mismatches):
                self._require_repeatable()
            clean = 0 if mismatches else clean + 1
            if clean == 1 and alternatives.next(settlement, state):
                clean = 0
                continue
            if clean == (_CLEAN_ROUNDS if self._is_small() else _FEWER_ROUNDS):
                return graph
            keep = trial_mask(state, number)
            if number < _PATIENCE:
                settlement.conclude(mismatches, state, keep)
            else:
                settlement.freeze_rest(mismatches, state, keep)
        raise TraceError(
            f"{type(self.model).__name__}: expected its labels to settle, found new differences "
            f"after {_MAX_ROUNDS} trials, last: {mismatches[0].text}. Please report this network."
        )

    def _propagate(self, settlement: Settlement) -> Propagation:
        state = propagate(
            self.programs,
            self.sealed,
            settlement.refuted,
            settlement.options,
            settlement.preferred,
            settlement.vetoes,
        )
        settlement.options = dict(state.options)
        return state

    @functools.cache  # noqa: B019 - a tracer lives for one trace
    def _origins(self, number: int) -> Mapping[int, Origins]:
        """The stored counts behind the numbers of a program's operators; found when asked for."""
        _, training, inputs = self.runs[number]
        copy, _, private = self._private({}, {}, {}, training, inputs)
        return origins_of(copy, private, self.programs[number], understood)

    # -- recording -----------------------------------------------------------------------------

    def _record_forward(self) -> None:
        try:
            self._record("forward", False, _with_batch(self.example, 1))
        except SegpruneError:
            raise
        except Exception as first:
            try:
                self._start_over_with_data()
            except SegpruneError:
                raise
            except Exception as error:
                if _is_a_bug(error):
                    raise
                raise TraceError(
                    f"{type(self.model).__name__}: expected forward to run on "
                    f"{_describe(self.example)}, found {type(error).__name__}: {error}. Check the "
                    "example inputs; the network must run on them in evaluation mode."
                ) from first
            where = raised_at(first)
            self.needs_data = _first_line(first) + (f" ({where})" if where else "")
        require_fresh(self.model, self._record_prepared)

    def _record_prepared(self, prepare: Callable[[nn.Module], str]) -> Program:
        """Record a method of a changed copy; `prepare` changes the copy and names the method."""
        copy, names, private = self._private({}, {}, {}, False, self.runs[0][2])
        return record(copy, names, self.foreign, prepare(copy), private, understood)

    def _record_training(self) -> None:
        for method in getattr(self.model, "traced_methods", None) or ():
            if method == "forward":
                continue
            name = type(self.model).__name__
            if not callable(getattr(self.model, method, None)):
                raise TraceError(
                    f"{name}.traced_methods: expected names of methods, found {method!r}, which "
                    "the network does not have; correct the list."
                )
            try:
                self._record(method, False, _with_batch(self.example, 1))
            except SegpruneError:
                raise
            except Exception as error:
                if _is_a_bug(error):
                    raise
                raise TraceError(
                    f"{name}.{method}: expected to run on {_describe(self.example)} as forward "
                    f"does, found {type(error).__name__}: {error}. Mend it, or take it out of "
                    "traced_methods."
                ) from error
        self._try("forward", True, _with_batch(self.example, 2))

    def _start_over_with_data(self) -> None:
        """Networks that look at values (`.item()`, numpy) are run on real tensors."""
        self.without_data = False
        example = self.example
        try:
            self._record("forward", False, _with_batch(example, 1))
        except SegpruneError:
            raise
        except Exception as error:
            if _is_a_bug(error):
                raise
            self._record("forward", False, example)

    def _try(self, method: str, training: bool, inputs: Any) -> None:
        try:
            self._record(method, training, inputs)
        except Exception as error:
            if _is_a_bug(error):
                raise
            mode = "training" if training else "evaluation"
            self.untraced[f"{method} ({mode} mode)"] = _first_line(error)

    def _record(self, method: str, training: bool, inputs: Any) -> None:
        copy, names, private = self._private({}, {}, {}, training, inputs)
        with preserve_attributes(self.model) as changed:
            program = record(copy, names, self.foreign, method, private, understood)
        if changed:
            raise ModelError(
                f"{', '.join(changed[:3])}: expected a run of a copy to leave the network as it "
                "was, found that it changed this: a hook or a function reaches the network by a "
                "global name, or in another way that no copy can follow. Let it use the module "
                "that it is called with, or remove it before pruning."
            )
        added = [name for name, _ in copy.named_parameters() if name not in self.tensors]
        if added:
            raise ModelError(
                f"{added[0]}: expected all parameters to be there, found that {method} adds this "
                "one; run the network once on an example before pruning it."
            )
        if not program.outputs:
            raise TraceError(
                f"{type(self.model).__name__}.{method}: expected tensors as its output, found "
                "none; return what the network computes."
            )
        if program.nodes:
            self.runs.append((method, training, inputs))
            self.programs.append(program)

    def _private(
        self,
        sizes: Mapping[str, tuple[int, ...]],
        kept: Mapping[str, Any],
        attributes: Mapping[str, Mapping[str, int]],
        training: bool,
        inputs: Any,
    ) -> tuple[nn.Module, dict[int, str], Any]:
        """A copy of the network and of the inputs, on tensors without data where possible."""
        replaced: dict[str, Tensor] = {}
        for first in self.names:
            tensor = self.tensors[first]
            shape = sizes.get(first, tuple(tensor.shape))
            replaced[first] = self._tensor(tensor, shape)
        copy = copy_with(self.model, replaced)
        correct_attributes(copy, kept, attributes, self.tensors)
        copy.train(training)
        found = tensors_of(copy)
        names = {id(found[first]): first for first in self.names}
        private = tree_map(
            lambda item: (
                self._tensor(item, tuple(item.shape)) if isinstance(item, Tensor) else item
            ),
            inputs,
        )
        return copy, names, private

    def _tensor(self, tensor: Tensor, shape: tuple[int, ...]) -> Tensor:
        if self.without_data:
            return torch.empty(shape, dtype=tensor.dtype, device="meta")
        if shape == tuple(tensor.shape):
            return tensor.detach().clone()
        region = tuple(slice(0, size) for size in shape)
        return tensor.detach()[region].clone()

    @functools.cache  # noqa: B019 - once for each trace
    def _require_repeatable(self) -> None:
        """Refuse a network whose second run calls other operators than its first one did."""
        for (method, training, inputs), program in zip(self.runs, self.programs, strict=True):
            copy, names, private = self._private({}, {}, {}, training, inputs)
            try:
                again = record(copy, names, self.foreign, method, private, understood)
            except SegpruneError:
                raise
            except Exception as error:
                if _is_a_bug(error):
                    raise
                raise self._unrepeatable(method, _first_line(error), "no error") from error
            for first, second in zip_longest(program.nodes, again.nodes):
                if first is None or second is None or first.op is not second.op:
                    raise self._unrepeatable(method, _called(second), _called(first))

    def _unrepeatable(self, method: str, second: str, first: str) -> TraceError:
        return TraceError(
            f"{type(self.model).__name__}.{method}: expected each run to call the same operators, "
            f"found {second} in the second run where the first had {first}. Either the code draws "
            "at random, or it keeps what a run computed in a place that cannot be put back. It may "
            "hold tensors without data now: clear it. Keep such things in an attribute of the "
            "network or in a dictionary of its module."
        )

    # -- settling ------------------------------------------------------------------------------

    def _graph(
        self, state: Propagation, stored: Mapping[tuple[str, str], LabelVector]
    ) -> ChannelGraph:
        read = states_read(self.programs)
        parameters = frozenset(dict(self.model.named_parameters(remove_duplicate=False)))
        unreached = tuple(
            name
            for first, every in self.names.items()
            if first not in read
            for name in every
            if name in parameters
        )
        shapes = {name: tuple(tensor.shape) for name, tensor in self.tensors.items()}
        return ChannelGraph(
            self.example,
            state,
            self.names,
            shapes,
            parameters,
            unreached,
            dict(self.untraced),
            stored,
            self.needs_data,
        )

    def _probe(self, graph: ChannelGraph, seed: int) -> list[Mismatch]:
        keep = trial_mask(graph.state, seed)
        kept = graph.kept(keep)
        attributes = graph.attributes(self.model, keep)
        sizes = {
            name: tuple(
                len(dims[dim]) if dim in dims else size
                for dim, size in enumerate(self.tensors[name].shape)
            )
            for name, dims in kept.items()
        }
        count = kept_count(graph.state.labels, keep)
        found: list[Mismatch] = []
        for number, (_, training, inputs) in enumerate(self.runs):
            copy, names, private = self._private(sizes, kept, attributes, training, inputs)
            program = self.programs[number]
            found += probe(copy, names, private, program, number, graph.state, count, understood)
        return found


def _with_batch(inputs: Any, size: int) -> Any:
    """The inputs with another batch size, if all tensors agree on one; else as they are."""
    tensors = tensors_in(inputs)
    batches = {tensor.shape[0] if tensor.dim() > 2 else None for tensor in tensors}
    if len(batches) != 1 or None in batches or (size > 1 and batches != {1}):
        return inputs

    def resized(item: Any) -> Any:
        if not isinstance(item, Tensor):
            return item
        return item[:1].expand(size, *item.shape[1:]) if size > 1 else item[:1]

    return tree_map(resized, inputs)


def _is_a_bug(error: Exception) -> bool:
    """Whether an error is this package's own, for which no network may be blamed."""
    return is_ours(error) and not isinstance(error, SegpruneError)


def _called(node: Node | None) -> str:
    return "no further one" if node is None else f"{node.name} ({node.source})"


def _first_line(error: Exception) -> str:
    lines = str(error).splitlines()
    return f"{type(error).__name__}: {lines[0] if lines else ''}"


def _describe(inputs: Any) -> str:
    return ", ".join(
        f"{tuple(tensor.shape)} {str(tensor.dtype).removeprefix('torch.')}"
        for tensor in tensors_in(inputs)
    )
