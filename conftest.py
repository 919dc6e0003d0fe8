"""Bare `pytest` checks correctness, size and accuracy; benchmarks run when they are asked for."""

from __future__ import annotations

import pytest

from segprune.pytest_plugin.selection import speed_wanted

pytest_plugins = ["pytester"]


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers(config: pytest.Config) -> int | None:
    """Run everything on all cores, and named files or benchmarks in one process.

    A worker takes seconds to start, and timing beside other tests measures nothing.
    """
    everything = config.args_source is pytest.Config.ArgsSource.TESTPATHS
    return None if everything and not config.getoption("benchmark_only") else 0


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Timing beside other tests measures nothing, so it is left out unless it was asked for.

    `pytest --benchmark-only` measures and does nothing else; `pytest benchmarks` does both.
    """
    only = bool(config.getoption("benchmark_only"))
    chosen = [
        item
        for item in items
        if (speed_wanted(config, item.path) if "benchmark" in _fixtures(item) else not only)
    ]
    config.hook.pytest_deselected(items=[item for item in items if item not in set(chosen)])
    items[:] = chosen


def _fixtures(item: pytest.Item) -> list[str]:
    return item.fixturenames if isinstance(item, pytest.Function) else []
