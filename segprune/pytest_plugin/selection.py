"""Which tests run: speed only where it was asked for, and which of them were looked for at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from segprune.pytest_plugin.command_line import is_typed, named_paths
from segprune.pytest_plugin.session import Session

__all__ = [
    "arguments", "collected_all", "collected_whole", "is_below", "is_worker", "leave_out_speed",
    "looked_at", "speed_wanted",
]  # fmt: skip

NOT_ASKED = "speed was not asked for: pytest --benchmark-only measures it"


def leave_out_speed(session: Session, config: pytest.Config, items: list[pytest.Item]) -> None:
    """Deselect tests of speed that nobody asked for."""
    speed = [item for item in items if "segprune_speed" in getattr(item, "fixturenames", ())]
    unasked = [item for item in speed if not speed_wanted(config, item.path)]
    if not unasked:
        return
    left_out = set(unasked)
    items[:] = [item for item in items if item not in left_out]
    config.hook.pytest_deselected(items=unasked)
    session.notes.append(NOT_ASKED)


def speed_wanted(config: pytest.Config, path: Path) -> bool:
    """With --benchmark-only or --segprune-accept, or where the test's file or folder was named."""
    if config.getoption("benchmark_only", False) or config.getoption("segprune_accept"):
        return True
    if is_typed(config, "benchmark_skip") or collected_all(config):
        return False
    return bool(named_paths(config)) and is_below(path, arguments(config))


def collected_all(config: pytest.Config) -> bool:
    """Whether tests were looked for everywhere: what was named, or stood in, holds the root.

    What settings name instead of the root is everything, too: nobody left the rest out today.
    """
    stood_in = config.args_source is pytest.Config.ArgsSource.INVOCATION_DIR
    if not named_paths(config) and not stood_in:
        return True
    return is_below(config.rootpath, arguments(config))


def collected_whole(config: pytest.Config, folder: Path) -> bool:
    """Whether all tests of a folder were looked for; one named file proves nothing about others."""
    if collected_all(config):
        return True
    if config.getoption("pyargs", False):  # modules, of which nobody knows whose folders they are
        return not is_typed(config, "pyargs")
    return is_below(folder, [path for path in arguments(config) if path.is_dir()])


def looked_at(config: pytest.Config, folder: Path) -> bool:
    """Return whether tests of a folder were looked for: it, a file in it or one above was named."""
    if collected_whole(config, folder):
        return True
    return is_below(folder, [path.parent for path in arguments(config) if path.is_file()])


def is_worker(config: pytest.Config) -> bool:
    """Whether this process is one of several that run tests side by side (pytest-xdist)."""
    return hasattr(config, "workerinput")


def is_below(path: Path, folders: list[Path]) -> bool:
    """Whether a file or folder lies in one of these, or is one of them."""
    return any(path.resolve().is_relative_to(folder) for folder in folders)


def arguments(config: pytest.Config) -> list[Path]:
    """Files and folders that tests are looked for in, whatever a conftest makes of them."""
    here = config.invocation_params.dir
    if config.args_source is pytest.Config.ArgsSource.INVOCATION_DIR:
        return [here.resolve()]
    named = [] if config.getoption("pyargs", False) else named_paths(config)
    return [(here / str(path).partition("::")[0]).resolve() for path in named or config.args]
