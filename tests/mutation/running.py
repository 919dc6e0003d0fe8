"""Run tests against planted faults: each in a fork of a process that has imported everything."""

from __future__ import annotations

import hashlib
import importlib
import os
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pytest

from mutation.planting import Fault, faults_of, plant

__all__ = ["CASES", "chosen_faults", "survivors"]

TESTS = Path(__file__).parent.parent
PATIENCE = 120.0
"""Seconds after which a fault counts as noticed: the tests do not end."""

_PASSED, _FAILED = 0, 1

CASES: Mapping[str, Sequence[str]] = {
    "segprune.gates.baselines.best": ["gates/baselines"],
    "segprune.core.planning.budget": [
        "core/planning/test_budget.py",
        "core/planning/test_by_cost.py",
        "core/planning/test_select.py",
    ],
    "segprune.gates.reproducibility": ["gates/test_reproducibility.py"],
    "segprune.gates.bootstrap": ["gates/test_bootstrap.py"],
    "segprune.gates.accuracy": ["gates/test_accuracy.py", "gates/test_thresholds.py"],
    "segprune.gates.targets": [
        "gates/test_accuracy.py",
        "gates/test_criteria.py",
        "gates/test_targets.py",
        "gates/test_thresholds.py",
    ],
    "segprune.core.labels": [
        "core/planning/test_budget.py",
        "core/test_labels.py",
        "core/planning/test_select.py",
    ],
    "segprune.evaluation.metrics": [
        "evaluation/test_metrics.py",
        "evaluation/test_metrics_oracles.py",
        "evaluation/test_metrics_refusals.py",
    ],
    "segprune.core.plan": ["core/test_plan_check.py", "artifacts/test_header.py"],
    "segprune.core.plan_check": ["core/test_plan_check.py"],
    "segprune.records.io": ["records/test_io.py", "records/test_earlier_records.py"],
    "segprune.core.rules.reduction": ["core/rules/test_reduction.py"],
    "segprune.core.planning.select": [
        "core/planning/test_budget.py",
        "core/planning/test_by_cost.py",
        "core/planning/test_select.py",
    ],
    "segprune.speed.comparison": [
        "speed/test_comparison.py",
        "speed/test_clock.py",
        "speed/test_inputs.py",
        "speed/test_pairs.py",
    ],
    "segprune.speed.pairs": [
        "speed/test_comparison.py",
        "speed/test_clock.py",
        "speed/test_pairs.py",
    ],
    "segprune.speed.statistics": ["speed/test_statistics.py"],
}
"""By module: the tests that are to notice a fault in it."""

DRAWN_AS: Mapping[str, str] = {
    "segprune.gates.baselines.best": "segprune.baselines.best",
    "segprune.core.planning.budget": "segprune.budget",
    "segprune.gates.reproducibility": "segprune.gates.determinism",
    "segprune.gates.bootstrap": "segprune.gates.difference",
    "segprune.gates.accuracy": "segprune.gates.floors",
    "segprune.gates.targets": "segprune.gates.kept",
    "segprune.core.labels": "segprune.labels",
    "segprune.evaluation.metrics": "segprune.metrics",
    "segprune.core.plan": "segprune.plan",
    "segprune.core.plan_check": "segprune.plan_check",
    "segprune.records.io": "segprune.records",
    "segprune.core.rules.reduction": "segprune.rules.reduction",
    "segprune.core.planning.select": "segprune.selection",
    "segprune.speed.statistics": "segprune.statistics",
}
"""Names of modules when the list of survivors was begun: a module that moves keeps its sample."""


def chosen_faults(module: str, count: int) -> list[Fault]:
    """As many faults of a module, spread over it; the same ones while the code stays as it is."""
    found = sorted(
        faults_of(module),
        key=lambda fault: _draw(fault.name.replace(module, DRAWN_AS.get(module, module), 1)),
    )
    return found[:count]


def survivors(
    modules: Sequence[str], count: int, said: Callable[[str], None] = lambda text: None
) -> list[str]:
    """Names of the chosen faults that no test notices.

    Args:
        count: faults of each module.
        said: takes a line of progress.

    Raises:
        RuntimeError: the tests of a module fail without a fault.
    """
    for module in modules:
        importlib.import_module(module)
    for heavy in ("hypothesis", "torchmetrics", "safetensors.torch"):  # once, not in each fork
        importlib.import_module(heavy)
    found = []
    for module in modules:
        if _verdict(None, CASES[module]) != _PASSED:
            raise RuntimeError(f"{module}: its tests {CASES[module]} fail without a fault")
        for fault in chosen_faults(module, count):
            lives = _verdict(fault, CASES[module]) == _PASSED
            said(f"{'SURVIVED' if lives else 'noticed'}  {fault.name}")
            if lives:
                found.append(fault.name)
    return sorted(found)


def _draw(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()


def _verdict(fault: Fault | None, tests: Sequence[str]) -> int:
    """Exit status of pytest in a fork that has the fault; 1 where it does not end."""
    child = os.fork()
    if child == 0:
        status = 70
        try:
            _silence()
            os.chdir(TESTS.parent)
            if fault is not None:
                plant(fault)
            paths = [str(TESTS / test) for test in tests]
            # The package is imported before pytest could rewrite its assertions: it has none.
            options = ["-W", "ignore::pytest.PytestAssertRewriteWarning", "-x", "-q"]
            options += ["-p", "no:cacheprovider", "-n", "0"]
            status = int(pytest.main([*options, *paths]))
        finally:
            os._exit(status)
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        ended, code = os.waitpid(child, os.WNOHANG)
        if ended:
            status = os.waitstatus_to_exitcode(code)
            return _PASSED if status == _PASSED else _FAILED
        time.sleep(0.02)
    os.kill(child, 9)
    os.waitpid(child, 0)
    return _FAILED


def _silence() -> None:
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in (1, 2):
        os.dup2(nowhere, stream)
    sys.stdout = sys.stderr = open(os.devnull, "w")  # noqa: SIM115
