"""Structured pruning for semantic segmentation: channels that are really gone, and the proof.

plan = segprune.make_plan(model, images, budget={"macs": 0.5})
small = segprune.prune(model, plan)
assert not segprune.verify(model, small, plan, images)
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from segprune.moved import follow as _follow_moved_modules

if TYPE_CHECKING:
    from segprune.artifacts import Header, load, read_header, save
    from segprune.core.plan import PrunePlan
    from segprune.core.planning.config import PruneConfig
    from segprune.core.planning.cost import Cost, LayerCost, cost
    from segprune.core.planning.importance import Evidence, importances, register_importance
    from segprune.core.planning.make_plan import make_plan
    from segprune.core.surgery import mask, prune
    from segprune.core.tracing.graph import ChannelGraph, Frozen, Layer
    from segprune.core.tracing.trace import trace
    from segprune.core.verification.verify import Violation, verify
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
    from segprune.evaluation.evaluate import evaluate
    from segprune.evaluation.metrics import ConfusionMatrix
    from segprune.gates import Status, Verdict, gate_speed
    from segprune.models import adapt, build
    from segprune.records.score import Score
    from segprune.speed import SpeedComparison, compare_speed
    from segprune.workflows.open import OpenedNetwork, open_network

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
    "OpenedNetwork",
    "PlanError",
    "PruneConfig",
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
    "open_network",
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
    "ChannelGraph": "core.tracing.graph",
    "ConfusionMatrix": "evaluation.metrics",
    "Cost": "core.planning.cost",
    "Evidence": "core.planning.importance",
    "Frozen": "core.tracing.graph",
    "Header": "artifacts",
    "InputError": "errors",
    "Layer": "core.tracing.graph",
    "LayerCost": "core.planning.cost",
    "ModelError": "errors",
    "OpenedNetwork": "workflows.open",
    "PlanError": "errors",
    "PruneConfig": "core.planning.config",
    "PruneError": "errors",
    "PrunePlan": "core.plan",
    "Score": "records.score",
    "SegpruneError": "errors",
    "SegpruneWarning": "errors",
    "SpeedComparison": "speed",
    "StartError": "errors",
    "Status": "gates",
    "TraceError": "errors",
    "Verdict": "gates",
    "Violation": "core.verification.verify",
    "adapt": "models",
    "build": "models",
    "compare_speed": "speed",
    "cost": "core.planning.cost",
    "evaluate": "evaluation.evaluate",
    "gate_speed": "gates",
    "importances": "core.planning.importance",
    "load": "artifacts",
    "make_plan": "core.planning.make_plan",
    "mask": "core.surgery",
    "open_dataset": "data",
    "open_network": "workflows.open",
    "prune": "core.surgery",
    "read_header": "artifacts",
    "register_importance": "core.planning.importance",
    "save": "artifacts",
    "trace": "core.tracing.trace",
    "verify": "core.verification.verify",
}


_follow_moved_modules()


def __getattr__(name: str) -> Any:
    """Names are imported when they are first used: `segprune --help` needs no torch."""
    if name == "__version__":
        from segprune.records.environment import version

        return version()
    if name not in _HOME:
        raise AttributeError(f"module 'segprune' has no attribute {name!r}")
    value = getattr(importlib.import_module(f"segprune.{_HOME[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
