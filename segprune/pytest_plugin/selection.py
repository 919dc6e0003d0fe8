"""Speed tests run on request only: a measurement takes a quiet machine and time."""

from __future__ import annotations

from pathlib import Path

import pytest

from segprune.pytest_plugin.command_line import (
    collected_all,
    is_below,
    is_on_command_line,
    named_paths,
    searched_paths,
)
from segprune.pytest_plugin.session import Session

__all__ = ["leave_out_speed", "speed_wanted"]

_NOT_ASKED = "speed was not asked for: pytest --benchmark-only measures it"


def leave_out_speed(session: Session, config: pytest.Config, items: list[pytest.Item]) -> None:
    """Deselect tests of speed unless the run asks for them, and note it for the summary."""
    speed = [item for item in items if "segprune_speed" in getattr(item, "fixturenames", ())]
    unasked = [item for item in speed if not speed_wanted(config, item.path)]
    if not unasked:
        return
    left_out = set(unasked)
    items[:] = [item for item in items if item not in left_out]
    config.hook.pytest_deselected(items=unasked)
    session.notes.append(_NOT_ASKED)


def speed_wanted(config: pytest.Config, path: Path) -> bool:
    """Return whether the run asks for the speed tests of a file or folder.

    It does with --benchmark-only or --segprune-accept, and if it names the file or its folder.
    """
    if config.getoption("benchmark_only", False) or config.getoption("segprune_accept"):
        return True
    if is_on_command_line(config, "benchmark_skip") or collected_all(config):
        return False
    return bool(named_paths(config)) and is_below(path, searched_paths(config))
