"""Structured pruning for semantic segmentation: channels that are really gone, and the proof.

plan = segprune.make_plan(model, images, budget={"macs": 0.5})
small = segprune.prune(model, plan)
assert not segprune.verify(model, small, plan, images)
"""

from segprune.artifacts import Header, load, read_header, save
from segprune.cost import Cost, LayerCost, cost
from segprune.errors import (
    ArtifactError,
    BudgetError,
    InputError,
    ModelError,
    PlanError,
    PruneError,
    SegpruneError,
    TraceError,
)
from segprune.graph import ChannelGraph, Frozen, Layer
from segprune.importance import Evidence, importances, register_importance
from segprune.models import adapt, build
from segprune.plan import PrunePlan
from segprune.planning import make_plan
from segprune.surgery import mask, prune
from segprune.tracing import trace
from segprune.verification import Violation, verify

__all__ = [
    "ArtifactError",
    "BudgetError",
    "ChannelGraph",
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
    "SegpruneError",
    "TraceError",
    "Violation",
    "adapt",
    "build",
    "cost",
    "importances",
    "load",
    "make_plan",
    "mask",
    "prune",
    "read_header",
    "register_importance",
    "save",
    "trace",
    "verify",
]

__version__ = "0.1.0"
