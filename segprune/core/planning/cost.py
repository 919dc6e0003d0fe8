"""What a network costs: parameters, multiply-adds and activation memory, dense or as predicted.

A MAC is one multiply-add of a convolution, linear layer or matrix product, for one image in
evaluation mode (half of what `torch.utils.flop_counter.FlopCounterMode` counts). Only `forward`
counts: parameters that nothing but a training method reads, such as auxiliary heads, cost nothing
at inference.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import nn

from segprune.core.axes import Term
from segprune.core.tracing.graph import ChannelGraph
from segprune.core.tracing.trace import trace

__all__ = [
    "Cost", "LayerCost", "channel_terms", "cost", "cost_of", "mac_terms", "param_terms",
]  # fmt: skip


@dataclass(frozen=True)
class LayerCost:
    """One module's share: `params`, `macs`, and the bytes its operators write for one image."""

    name: str
    params: int
    macs: int
    activation_bytes: int


@dataclass(frozen=True)
class Cost:
    """The cost of one image through `forward` in evaluation mode."""

    params: int
    macs: int
    activation_bytes: int
    layers: tuple[LayerCost, ...]


def mac_terms(graph: ChannelGraph) -> list[Term]:
    """Return the multiply-adds of every operator."""
    return graph.state.mac_terms


def param_terms(graph: ChannelGraph) -> list[Term]:
    """Return the numbers in every parameter that inference needs."""
    terms = []
    for first in graph.parameters:
        owner = first.rpartition(".")[0]
        slots = graph.state.slots.get(first)
        if slots is None:
            terms.append(Term(owner, math.prod(graph.shapes[first]), ()))
        else:
            terms.append(Term(owner, 1, tuple(slots.values())))
    return terms


def channel_terms(graph: ChannelGraph) -> list[Term]:
    """Return the output channels of every layer that may lose some."""
    free = ~graph.frozen_mask
    return [
        Term(record.module, 1, (record.rows[free[record.rows]],))
        for record in graph.state.layers.values()
        if free[record.rows].any()
    ]


def cost(model: nn.Module, example_inputs: Any) -> Cost:
    """Count a network's parameters, MACs and activation bytes for one image.

    Args:
        model: any `nn.Module`; it is not changed.
        example_inputs: as for `trace`, or the `ChannelGraph` of this network.

    Raises:
        TraceError: `forward` does not run on the example inputs.
    """
    if isinstance(example_inputs, ChannelGraph):
        return cost_of(example_inputs)
    return cost_of(trace(model, example_inputs, settle=False))


def cost_of(graph: ChannelGraph, keep: NDArray[np.bool_] | None = None) -> Cost:
    """Return the cost of a traced network, as it is or with only some labels kept.

    Args:
        keep: which labels stay, `(labels,)`; None keeps all.
    """
    if keep is None:
        keep = np.ones(len(graph.state.labels), dtype=bool)
    shares: dict[str, list[int]] = {}

    def add(owner: str, column: int, amount: int) -> None:
        shares.setdefault(owner, [0, 0, 0])[column] += amount

    for column, terms in enumerate((param_terms(graph), mac_terms(graph))):
        for term in terms:
            kept = (int(keep[axis].sum()) for axis in term.axes)
            add(term.owner, column, term.coefficient * math.prod(kept))
    for node in graph.state.programs[0].nodes:
        written = graph.state.predicted[(0, node.index)]
        storages = {value.storage for value in node.tensors()}
        for value, axes in zip(node.outputs, written, strict=True):
            if value.storage in storages:
                continue  # a view, or written in place
            sizes = [
                int(keep[axes[dim].labels].sum()) if dim in axes else size
                for dim, size in enumerate(value.shape)
            ]
            add(node.module, 2, math.prod(sizes) * value.dtype.itemsize)
    layers = tuple(LayerCost(name, *numbers) for name, numbers in shares.items())
    params, macs, activations = (
        sum(column)
        for column in zip(*((c.params, c.macs, c.activation_bytes) for c in layers), strict=True)
    )
    return Cost(params, macs, activations, layers)
