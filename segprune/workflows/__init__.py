"""Whole jobs as functions, without a word printed: what the command line does, for Python."""

from segprune.records.prune import FrozenGroup, PruneRecord, Size
from segprune.records.sensitivity import LayerSensitivity, SensitivityRecord
from segprune.workflows.dense import Dense, load_dense
from segprune.workflows.prune import PruneJob, PruneResult, run_prune
from segprune.workflows.sensitivity import run_sensitivity
from segprune.workflows.verify import Proof, run_verify

__all__ = [
    "Dense",
    "FrozenGroup",
    "LayerSensitivity",
    "Proof",
    "PruneJob",
    "PruneRecord",
    "PruneResult",
    "SensitivityRecord",
    "Size",
    "load_dense",
    "run_prune",
    "run_sensitivity",
    "run_verify",
]
