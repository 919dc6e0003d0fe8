"""Benchmarks run when asked for with `--benchmark-only`, and only then."""

from __future__ import annotations

import pytest


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Bare `pytest` checks correctness; timing it beside other tests would measure nothing."""
    wanted = bool(config.getoption("benchmark_only"))
    chosen = [item for item in items if ("benchmark" in _fixtures(item)) == wanted]
    config.hook.pytest_deselected(items=[item for item in items if item not in set(chosen)])
    items[:] = chosen


def _fixtures(item: pytest.Item) -> list[str]:
    return item.fixturenames if isinstance(item, pytest.Function) else []
