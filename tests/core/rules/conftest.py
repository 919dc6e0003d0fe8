"""Give the laws of operators those of the module that a file is named after."""

from __future__ import annotations

import pytest

from operators import CASES, Case
from sampled import some_slow
from segprune.core.rules.catalogue import RULES


def cases_of(module: str) -> list[Case]:
    """Return the calls of the operators whose rules are in a module of `core/rules`."""
    found = [c for c in CASES if RULES[c.operator].__module__.rpartition(".")[2] == module]
    assert found, module
    return found


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "case" not in metafunc.fixturenames:
        return
    cases = cases_of(metafunc.module.__name__.rpartition(".test_")[2])
    sampled = metafunc.function.__name__.startswith("test_a_network_with_the_operator")
    metafunc.parametrize("case", some_slow(cases, 2) if sampled else cases, ids=str)
