"""Structured pruning for semantic segmentation: channels that are really gone, and the proof.

plan = segprune.make_plan(model, images, budget={"macs": 0.5})
small = segprune.prune(model, plan)
assert not segprune.verify(model, small, plan, images)
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from segprune.artifacts import Header, load, read_header, save
    from segprune.costs import Cost, LayerCost, cost
    from segprune.data import open_dataset
    from segprune.errors import (
        ArtifactError,
        BudgetError,
        InputError,
        ModelError,
        PlanError,
        PruneError,
        SegpruneError,
        SegpruneWarning,
        StartError,
        TraceError,
    )
    from segprune.evaluation import evaluate
    from segprune.gates import Status, Verdict, gate_speed
    from segprune.graph import ChannelGraph, Frozen, Layer
    from segprune.importance import Evidence, importances, register_importance
    from segprune.metrics import ConfusionMatrix, Score
    from segprune.models import adapt, build
    from segprune.plan import PrunePlan
    from segprune.planning import make_plan
    from segprune.speed import SpeedComparison, compare_speed
    from segprune.surgery import mask, prune
    from segprune.tracing import trace
    from segprune.verification import Violation, verify

__all__ = [
    "ArtifactError",
    "BudgetError",
    "ChannelGraph",
    "ConfusionMatrix",
    "Cost",
    "Evidence",
    "Frozen",
    "Header",
    "InputError",
    "Layer",
    "LayerCost",
    "ModelError",
    "PlanError",
    "PruneError",
    "PrunePlan",
    "Score",
    "SegpruneError",
    "SegpruneWarning",
    "SpeedComparison",
    "StartError",
    "Status",
    "TraceError",
    "Verdict",
    "Violation",
    "adapt",
    "build",
    "compare_speed",
    "cost",
    "evaluate",
    "gate_speed",
    "importances",
    "load",
    "make_plan",
    "mask",
    "open_dataset",
    "prune",
    "read_header",
    "register_importance",
    "save",
    "trace",
    "verify",
]

_HOME = {
    "ArtifactError": "errors",
    "BudgetError": "errors",
    "ChannelGraph": "graph",
    "ConfusionMatrix": "metrics",
    "Cost": "costs",
    "Evidence": "importance",
    "Frozen": "graph",
    "Header": "artifacts",
    "InputError": "errors",
    "Layer": "graph",
    "LayerCost": "costs",
    "ModelError": "errors",
    "PlanError": "errors",
    "PruneError": "errors",
    "PrunePlan": "plan",
    "Score": "metrics",
    "SegpruneError": "errors",
    "SegpruneWarning": "errors",
    "SpeedComparison": "speed",
    "StartError": "errors",
    "Status": "gates",
    "TraceError": "errors",
    "Verdict": "gates",
    "Violation": "verification",
    "adapt": "models",
    "build": "models",
    "compare_speed": "speed",
    "cost": "costs",
    "evaluate": "evaluation",
    "gate_speed": "gates",
    "importances": "importance",
    "load": "artifacts",
    "make_plan": "planning",
    "mask": "surgery",
    "open_dataset": "data",
    "prune": "surgery",
    "read_header": "artifacts",
    "register_importance": "importance",
    "save": "artifacts",
    "trace": "tracing",
    "verify": "verification",
}


def __getattr__(name: str) -> Any:
    """Names are imported when they are first used: `segprune --help` needs no torch."""
    if name == "__version__":
        from segprune.environment import version

        return version()
    if name not in _HOME:
        raise AttributeError(f"module 'segprune' has no attribute {name!r}")
    value = getattr(importlib.import_module(f"segprune.{_HOME[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
