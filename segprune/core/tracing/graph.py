"""Which channels of a network belong together, which may go, and why others may not."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import nn

from segprune.core.labels import LabelVector, Reason
from segprune.core.modules import network_digest
from segprune.core.tracing.ir import Program
from segprune.core.tracing.propagate import OUTPUT, Propagation

__all__ = ["ChannelGraph", "Frozen", "Layer", "layer_name", "states_read"]


@dataclass(frozen=True)
class Layer:
    """A convolution or linear layer.

    Attributes:
        name: module path (or the name of its weight, where no module of its own holds it).
        channels: output channels (for a transposed grouped convolution: of one group).
        free: how many of them may go.
    """

    name: str
    channels: int
    free: int


@dataclass(frozen=True)
class Frozen:
    """Hidden channels that must stay, and why.

    Attributes:
        layers: the layers whose output channels these are.
        channels: how many.
        reason: the cause in words.
        source: the user's `file:line`, where known.
    """

    layers: tuple[str, ...]
    channels: int
    reason: str
    source: str | None

    def __str__(self) -> str:
        where = f" ({self.source})" if self.source else ""
        return f"{self.channels} channels of {', '.join(self.layers)}: {self.reason}{where}"


@dataclass(frozen=True, eq=False)
class ChannelGraph:
    """The channels of one network, by label; made by `trace`.

    Attributes:
        example_inputs: what the network was traced with.
        state: labels of every axis of every tensor.
        names: first name of each distinct tensor -> all its names.
        shapes: tensor name -> sizes.
        is_parameter: which of these names are parameters, the others being buffers.
        unreached: parameters that no traced method reads; they stay as they are.
        untraced: methods that could not be run, each with the error; only `forward` in evaluation
            mode must run.
        stored: (module path, attribute) -> labels that a stored channel count of the user's module
            counts; it is rewritten in the pruned copy.
        needs_data: why the network was run on real tensors, with the user's line; empty where it
            ran without data.
    """

    example_inputs: Any
    state: Propagation
    names: Mapping[str, tuple[str, ...]]
    shapes: Mapping[str, tuple[int, ...]]
    is_parameter: frozenset[str]
    unreached: tuple[str, ...]
    untraced: Mapping[str, str]
    stored: Mapping[tuple[str, str], LabelVector]
    needs_data: str = ""

    @cached_property
    def parameters(self) -> tuple[str, ...]:
        """First names of the parameters that inference needs, or that nothing reads."""
        programs = self.state.programs
        forward, training = states_read(programs[:1]), states_read(programs[1:])
        return tuple(
            first
            for first in self.names
            if first in self.is_parameter and (first in forward or first not in training)
        )

    @cached_property
    def network(self) -> str:
        """Digest of the network's tensor names and shapes."""
        return network_digest(self.shapes)

    @cached_property
    def roots(self) -> NDArray[np.int64]:
        """Representative of every label's class, `(labels,)`."""
        return self.state.labels.find(np.arange(len(self.state.labels)))

    @cached_property
    def frozen_mask(self) -> NDArray[np.bool_]:
        """Whether each label must stay, `(labels,)`."""
        return self.state.labels.is_frozen(np.arange(len(self.state.labels)))

    @cached_property
    def layers(self) -> tuple[Layer, ...]:
        """Every convolution and linear layer that was reached, in order of execution."""
        return tuple(
            Layer(layer_name(weight), len(rows), int((~self.frozen_mask[rows]).sum()))
            for weight, rows in self._rows()
        )

    @cached_property
    def free_share(self) -> float:
        """Share of the hidden channels that may go.

        Hidden channels are the output channels of convolutions and linear layers, less those that
        are the network's output.
        """
        free = hidden = 0
        for _, rows in self._rows():
            for label in rows.tolist():
                reason = self.state.labels.reason(label)
                free += reason is None
                hidden += reason is not OUTPUT
        return free / hidden if hidden else 0.0

    @cached_property
    def frozen(self) -> tuple[Frozen, ...]:
        """Hidden channels that must stay, grouped by reason, largest group first."""
        groups: dict[Reason, dict[str, int]] = {}
        for weight, rows in self._rows():
            for label in rows.tolist():
                reason = self.state.labels.reason(label)
                if reason is not None and reason is not OUTPUT:
                    layers = groups.setdefault(reason, {})
                    layers[layer_name(weight)] = layers.get(layer_name(weight), 0) + 1
        listed = [
            Frozen(tuple(layers), sum(layers.values()), reason.text, reason.source)
            for reason, layers in groups.items()
        ]
        return tuple(sorted(listed, key=lambda group: -group.channels))

    def _rows(self) -> Iterable[tuple[str, LabelVector]]:
        return ((weight, layer.rows) for weight, layer in self.state.layers.items())

    def summary(self) -> str:
        """Free share, and every frozen group in words."""
        lines = [f"{self.free_share:.1%} of the hidden channels can be removed"]
        lines += [f"  stays: {group}" for group in self.frozen]
        lines += [f"  not reached: {name}" for name in self.unreached]
        lines += [f"  not traced: {name}: {why}" for name, why in self.untraced.items()]
        if self.needs_data:
            lines.append(f"  traced on real data, for without data: {self.needs_data}")
        return "\n".join(lines)

    def kept(self, keep: NDArray[np.bool_]) -> dict[str, dict[int, tuple[int, ...]]]:
        """Kept indices of every tensor that changes, under all its names.

        Args:
            keep: which labels stay, `(labels,)`, equal within each class.
        """
        result: dict[str, dict[int, tuple[int, ...]]] = {}
        for first, slots in self.state.slots.items():
            dims = {
                dim: tuple(np.flatnonzero(keep[labels]).tolist())
                for dim, labels in slots.items()
                if not keep[labels].all()
            }
            if dims:
                for name in self.names[first]:
                    result[name] = dims
        return result

    def attributes(self, model: nn.Module, keep: NDArray[np.bool_]) -> dict[str, dict[str, int]]:
        """Attributes that count channels of modules without tensors that would tell."""
        result: dict[str, dict[str, int]] = {}
        for (name, attribute), (labels, divisor) in self.state.attributes.items():
            module = model.get_submodule(name)
            tensors = [*module._parameters.values(), *module._buffers.values()]
            silent = not any(tensor is not None and tensor.dim() == 1 for tensor in tensors)
            dense, now = len(labels) // divisor, int(keep[labels].sum()) // divisor
            if silent and now != dense and getattr(module, attribute, None) == dense:
                result.setdefault(name, {})[attribute] = now
        for (name, attribute), labels in self.stored.items():
            if not keep[labels].all():
                result.setdefault(name, {})[attribute] = int(keep[labels].sum())
        return result


def states_read(programs: Sequence[Program]) -> set[str]:
    """Names of the parameters and buffers that some operator reads."""
    return {
        value.state
        for program in programs
        for node in program.nodes
        for value in node.tensors()
        if value.state is not None
    }


def layer_name(weight: str) -> str:
    """`detail.2.conv.weight` -> `detail.2.conv`."""
    return weight.removesuffix(".weight")
