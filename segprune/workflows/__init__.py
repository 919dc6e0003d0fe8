"""Whole jobs as functions, without a word printed: what the command line does, for Python."""

from segprune.records.prune import FrozenGroup, PruneRecord, Size
from segprune.records.sensitivity import LayerSensitivity, SensitivityRecord
from segprune.workflows.dense import Dense, on_images
from segprune.workflows.open import OpenedNetwork, open_file, open_network
from segprune.workflows.prune import PruneJob, PruneResult, run_prune
from segprune.workflows.sensitivity import run_sensitivity
from segprune.workflows.verify import Proof, run_verify

__all__ = [
    "Dense",
    "FrozenGroup",
    "LayerSensitivity",
    "OpenedNetwork",
    "Proof",
    "PruneJob",
    "PruneRecord",
    "PruneResult",
    "SensitivityRecord",
    "Size",
    "on_images",
    "open_file",
    "open_network",
    "run_prune",
    "run_sensitivity",
    "run_verify",
]
