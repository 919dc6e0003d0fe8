"""Modules that moved are found under their old names for one version, with a DeprecationWarning.

`import segprune` offers the same names as before. This is for code that imported from the modules
below it, such as `from segprune.importance import Evidence`.
"""

from __future__ import annotations

import importlib
import sys
import warnings
from collections.abc import Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType

__all__ = ["MOVED", "follow"]

MOVED = {
    "alternatives": "core.tracing.alternatives",
    "axes": "core.axes",
    "baselines": "gates.baselines",
    "behaviour": "core.verification.behaviour",
    "bindings": "core.tracing.bindings",
    "budget": "core.planning.budget",
    "closeness": "core.verification.closeness",
    "closures": "core.state.closures",
    "comparison": "core.verification.equivalence",
    "costs": "core.planning.cost",
    "environment": "records.environment",
    "execution": "core.execution",
    "fingerprint": "speed.fingerprint",
    "gradients": "core.verification.gradients",
    "graph": "core.tracing.graph",
    "importance": "core.planning.importance",
    "influence": "core.verification.influence",
    "interpreter": "core.tracing.dispatch",
    "labels": "core.labels",
    "losses": "training.losses",
    "metrics": "evaluation.metrics",
    "network": "core.modules",
    "observation": "core.planning.calibration",
    "operators": "core.rules.operators",
    "pairing": "core.verification.pairing",
    "pictures": "reporting.pictures",
    "pipeline": "workflows",
    "plan": "core.plan",
    "plan_check": "core.plan_check",
    "planning": "core.planning.make_plan",
    "preparation": "core.verification.preparation",
    "probabilities": "evaluation.probabilities",
    "probing": "core.tracing.trial_run",
    "process_state": "core.state.process",
    "programs": "core.tracing.ir",
    "propagation": "core.tracing.propagate",
    "provenance": "core.tracing.provenance",
    "recording": "core.tracing.capture",
    "report": "reporting",
    "rules": "core.rules.catalogue",
    "sameness": "core.verification.sameness",
    "selection": "core.planning.select",
    "settings": "core.settings",
    "settlement": "core.tracing.refine",
    "stale_caches": "core.tracing.stale_caches",
    "statistics": "speed.statistics",
    "stored": "core.stored",
    "surgery": "core.surgery",
    "suspects": "core.tracing.candidates",
    "tracing": "core.tracing.trace",
    "trials": "core.verification.input_variants",
    "user_state": "core.state.snapshot",
    "verification": "core.verification.verify",
    "violations": "core.verification.violations",
    "ways": "core.verification.run_modes",
}
"""Old names below `segprune`, with the new ones."""


def follow() -> None:
    """Let the import system find moved modules; call it once."""
    sys.meta_path.append(_Finder())


class _Finder(MetaPathFinder):
    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        package, _, name = fullname.partition(".")
        if package != "segprune" or name not in MOVED:
            return None
        return ModuleSpec(fullname, _Alias(f"segprune.{MOVED[name]}"))


class _Alias(Loader):
    """Hand out the module of the new name."""

    def __init__(self, name: str) -> None:
        self.name = name

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        warnings.warn(
            f"{spec.name} is called {self.name} now; the old name goes with the next version.",
            DeprecationWarning,
            stacklevel=2,  # the line that imports; frames of the import system do not count
        )
        module = importlib.import_module(self.name)
        self.own = module.__spec__  # the import system puts the old name's in its place
        return module

    def exec_module(self, module: ModuleType) -> None:
        module.__spec__ = self.own
