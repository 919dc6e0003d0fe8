"""Whole jobs as functions that print nothing: what the command line does, for Python."""

from __future__ import annotations

import importlib
from typing import Any

_HOME = {
    "Dense": "workflows.dense",
    "FrozenGroup": "records.prune",
    "LayerSensitivity": "records.sensitivity",
    "OpenedNetwork": "workflows.open",
    "Proof": "workflows.verify",
    "PruneJob": "workflows.jobs",
    "PruneRecord": "records.prune",
    "PruneResult": "workflows.prune",
    "SensitivityRecord": "records.sensitivity",
    "Size": "records.prune",
    "on_images": "workflows.dense",
    "open_file": "workflows.open",
    "open_network": "workflows.open",
    "run_prune": "workflows.prune",
    "run_sensitivity": "workflows.sensitivity",
    "run_verify": "workflows.verify",
}


def __getattr__(name: str) -> Any:
    """Import a name when it is first used: the defaults of jobs are read without torch."""
    if name not in _HOME:
        raise AttributeError(f"module 'segprune.workflows' has no attribute {name!r}")
    value = getattr(importlib.import_module(f"segprune.{_HOME[name]}"), name)
    globals()[name] = value
    return value
