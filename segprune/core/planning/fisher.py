"""Fisher information of channels: what the loss would notice if a channel were masked."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from segprune.core.modules import copy_with, tensors_of
from segprune.core.planning.evidence import Evidence, Scores
from segprune.core.planning.gradients import on_each_batch, one_by_one
from segprune.core.tracing.graph import ChannelGraph

__all__ = ["fisher"]


def fisher(evidence: Evidence) -> Scores:
    """Σ over images of (Σ w · ∂L/∂w)² over all columns that read a channel.

    This is the diagonal of the Fisher information of a mask over each class of channels, whose
    gradient at 1 is the inner sum (GroupFisher, Liu et al., ICML 2021, arXiv 2108.00708: one mask
    for all layers that read coupled channels). Missing labels are replaced by the network's
    own predictions. Scores of different layers estimate one loss, so they compare as they are.
    """
    copy, graph = copy_with(evidence.model, {}), evidence.graph
    roots, place = np.unique(graph.roots, return_inverse=True)
    tensors = tensors_of(copy)
    reading = {
        name: {dim: torch.from_numpy(place[graph.state.slots[name][dim]]) for dim in dims}
        for name, dims in _readers(graph)
        if name in tensors
    }
    total = torch.zeros(len(roots), dtype=torch.float64)

    def take(products: dict[str, Tensor]) -> None:
        masks = torch.zeros_like(total)
        for name, product in products.items():
            for dim, classes in reading[name].items():
                sums = product.movedim(dim, 0).flatten(1).sum(1)
                masks.index_add_(0, classes, sums.cpu().double())
        total.add_(masks.square())

    batches = one_by_one(evidence.batches("fisher"))
    on_each_batch(copy, reading, batches, evidence.loss, take)
    return {
        (name, dim): total[classes]
        for name, dims in reading.items()
        for dim, classes in dims.items()
    }


def _readers(graph: ChannelGraph) -> Iterator[tuple[str, tuple[int, ...]]]:
    """Each layer's weight, with the dimensions along which it lists the channels that it reads.

    A grouped layer that loses whole groups has no such dimension: its rows stand for its groups.
    """
    state = graph.state
    grouped = {
        value.state
        for program in state.programs
        for node in program.nodes
        if node.arguments.get("groups", node.arguments.get("n_weight_grps", 1)) != 1
        for value in node.tensors()
    }
    for name, record in state.layers.items():
        slots = state.slots.get(name, {})
        columns = tuple(
            dim
            for dim, labels in slots.items()
            if dim != record.row_dim and not graph.frozen_mask[labels].all()
        )
        if columns:
            yield name, columns
        elif name in grouped:
            yield name, (record.row_dim,)
