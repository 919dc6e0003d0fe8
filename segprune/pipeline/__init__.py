"""Whole jobs as functions, without a word printed: what the command line does, for Python."""

from segprune.pipeline.dense import Dense, load_dense
from segprune.pipeline.proof import Proof, run_verify
from segprune.pipeline.prune import PruneJob, PruneResult, run_prune
from segprune.pipeline.record import FrozenGroup, PruneRecord, Size
from segprune.pipeline.sensitivity import LayerSensitivity, SensitivityRecord, run_sensitivity

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
