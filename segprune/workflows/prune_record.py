"""The record of `segprune prune`: what was required, what is left, and on which machine."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import nn

from segprune.core.modules import aliases, tensors_of
from segprune.core.plan import PrunePlan
from segprune.core.planning.cost import cost
from segprune.core.tracing.graph import ChannelGraph
from segprune.models.weights import file_digest
from segprune.records.environment import environment
from segprune.records.prune import PruneRecord, Size, frozen_groups
from segprune.speed import SpeedComparison
from segprune.workflows.dense import Dense
from segprune.workflows.jobs import PruneJob

__all__ = ["prune_record"]


def prune_record(
    job: PruneJob,
    dense: Dense,
    graph: ChannelGraph,
    plan: PrunePlan,
    small: nn.Module,
    artifact: Path,
    *,
    difference: float,
    speed: SpeedComparison | None,
    mious: Mapping[str, float],
) -> PruneRecord:
    """Return the record of a network that was pruned, proved and written.

    Args:
        graph: of the dense network.
        small, artifact: the pruned network, and the file that it was written to.
        difference: between the outputs of the pruned network and of its masked twin.
        mious: by "dense" and "pruned"; empty without labelled images.
    """
    narrowed, config = _widths(graph, plan), job.config.to_plain()
    return PruneRecord(
        command=job.command,
        model=job.model,
        input=tuple(dense.example.shape),
        budget=config["budget"] or {},
        scope="layers" if config["layers"] else config["scope"],
        shares=config["layers"] or {},
        importance=config["importance"],
        round_to=config["round_to"],
        ignore=tuple(config["ignored_layers"]),
        seed=config["seed"],
        deploy=job.deploy,
        half=job.half,
        weights=dense.weights,
        frames=dense.frames.count if dense.frames else 0,
        frames_digest=dense.frames.digest if dense.frames else None,
        network=plan.network,
        plan=plan.digest,
        artifact=file_digest(artifact),
        dense=_size(dense.model, graph, _state_bytes(dense.model)),
        pruned=_size(small, dense.example, artifact.stat().st_size),
        widths=(len(narrowed), sum(width % 8 == 0 for width in narrowed)),
        depthwise=_depthwise(dense.model),
        free_share=graph.free_share,
        frozen=frozen_groups(graph),
        unreached=graph.unreached,
        difference=difference,
        violations=(),
        speed=speed,
        environment=environment(),
        pairs=job.pairs if speed else 0,
        max_seconds=job.max_seconds,
        reached=plan.notes.get("reached", {}),
        nearest_above=plan.notes.get("nearest_above", {}),
        missed_shares=plan.notes.get("missed_shares", {}),
        preprocessing=dense.normalisation.preprocessing if dense.frames else None,
        normalisation=dense.normalisation.source if dense.frames else "",
        mious=mious,
    )


def _size(model: nn.Module, example: Any, file_bytes: int) -> Size:
    counted = cost(model, example)
    return Size(counted.params, counted.macs, counted.activation_bytes, file_bytes)


def _state_bytes(model: nn.Module) -> int:
    """Bytes of all tensors, tied ones once: what a file of the dense network takes."""
    tensors = tensors_of(model)
    return sum(tensors[first].nbytes for first in aliases(model))


def _widths(graph: ChannelGraph, plan: PrunePlan) -> list[int]:
    """Return the widths that are left of the layers that lose channels."""
    return [
        len(plan.kept[weight][layer.row_dim])
        for weight, layer in graph.state.layers.items()
        if layer.row_dim in plan.kept.get(weight, {})
    ]


def _depthwise(model: nn.Module) -> tuple[int, ...]:
    convolutions = [m for m in model.modules() if isinstance(m, (nn.Conv2d, nn.ConvTranspose2d))]
    return sum(m.groups > 1 and m.groups == m.in_channels for m in convolutions), len(convolutions)
