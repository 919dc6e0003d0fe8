"""Collect what a bug report needs: versions, the processor, and what a trace says of a network."""

from __future__ import annotations

import importlib.metadata
import re

from segprune.core.planning.cost import cost_of
from segprune.core.tracing.trace import trace
from segprune.errors import SegpruneError
from segprune.records.doctor import DoctorRecord, TraceFindings
from segprune.records.environment import environment
from segprune.records.prune import frozen_groups
from segprune.workflows.dense import random_example
from segprune.workflows.jobs import INPUT
from segprune.workflows.open import open_network

__all__ = ["run_doctor"]

_MISSING = "missing"


def run_doctor(
    model: str | None = None, *, input: tuple[int, ...] = INPUT,
    num_classes: int | None = None,
) -> DoctorRecord:  # fmt: skip
    """Return a report; a network that cannot be traced is part of it, with its error.

    Args:
        model: a built-in network's name, or `package.module:factory`; None reports no network.
        input: size of the example, `(N, C, H, W)`.
        num_classes: of a built-in network.
    """
    findings = None if model is None else _findings(model, input, num_classes)
    return DoctorRecord(environment(), _packages(), findings)


def _findings(model: str, input: tuple[int, ...], num_classes: int | None) -> TraceFindings:
    try:
        opened = open_network(model, num_classes=num_classes)
        graph = trace(opened.network, random_example(input))
        found = cost_of(graph)
    except SegpruneError as error:
        return TraceFindings(model, input, error=f"{type(error).__name__}: {error}")
    return TraceFindings(
        model=model,
        input=input,
        network=graph.network,
        layers=len(graph.layers),
        channels=sum(layer.channels for layer in graph.layers),
        params=found.params,
        macs=found.macs,
        free_share=graph.free_share,
        frozen=frozen_groups(graph),
        unreached=graph.unreached,
        untraced=dict(graph.untraced),
        needs_data=graph.needs_data,
    )


def _packages() -> dict[str, str]:
    """Return the version of every package that an installation of segprune may ask for."""
    try:
        required = importlib.metadata.requires("segprune") or []
    except importlib.metadata.PackageNotFoundError:  # run from a bare folder
        required = ["numpy", "rich", "safetensors", "torch", "typer"]
    names = {match[0] for text in required if (match := re.match(r"[\w.-]+", text))}
    return {name: _version(name) for name in sorted(names, key=str.lower)}


def _version(name: str) -> str:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return _MISSING
