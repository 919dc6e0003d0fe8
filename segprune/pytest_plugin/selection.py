"""Which tests run: speed only where it was asked for, and no baseline that nothing judges."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from segprune.pytest_plugin.session import Session

__all__ = ["is_worker", "leave_out_speed", "note_cases", "speed_wanted"]

NOT_ASKED = "speed was not asked for: pytest --benchmark-only measures it"


def note_cases(session: Session, config: pytest.Config, items: list[pytest.Item]) -> None:
    """Every baseline must have a test: one that was deleted with its test's name would be green.

    Only folders that were collected as a whole are looked at; a single file proves nothing about
    its neighbours.
    """
    if session.options.accept or is_worker():
        return
    known: dict[Path, set[str]] = {}
    for item in items:
        marker = item.get_closest_marker("segprune")
        if marker is not None and _is_case(marker):
            folder = item.path.parent / marker.kwargs.get("baselines", "baselines")
            known.setdefault(folder, set()).add(str(_case_of(marker)))
    for folder, cases in known.items():
        if not _collected_whole(config, folder.parent):
            continue
        for path in sorted(folder.glob("*.json")):
            if path.stem not in cases:
                session.problems.append(
                    f"{path.name}: expected a test that judges this baseline, found none; mark one "
                    f"with pytest.mark.segprune({path.stem!r}, …), or remove the file."
                )


def leave_out_speed(session: Session, config: pytest.Config, items: list[pytest.Item]) -> None:
    """Deselect tests of speed that nobody asked for."""
    speed = [item for item in items if "segprune_speed" in getattr(item, "fixturenames", ())]
    unasked = [item for item in speed if not speed_wanted(config, item)]
    session.speed_owed = bool(speed) and bool(config.getoption("benchmark_only", False))
    if not unasked:
        return
    left_out = set(unasked)
    items[:] = [item for item in items if item not in left_out]
    config.hook.pytest_deselected(items=unasked)
    session.notes.append(NOT_ASKED)


def speed_wanted(config: pytest.Config, item: pytest.Item) -> bool:
    """With --benchmark-only or --segprune-accept, or where the test's file or folder was named."""
    if config.getoption("benchmark_only", False) or config.getoption("segprune_accept"):
        return True
    if config.args_source is not pytest.Config.ArgsSource.ARGS:
        return False
    # The root folder is everything, and names nothing.
    named = [path for path in _arguments(config) if path != config.rootpath.resolve()]
    return any(item.path.is_relative_to(path) for path in named)


def is_worker() -> bool:
    """Whether this process is one of several that run tests side by side."""
    return "PYTEST_XDIST_WORKER" in os.environ


def _arguments(config: pytest.Config) -> list[Path]:
    """Files and folders on the command line."""
    here = config.invocation_params.dir
    return [(here / str(argument).partition("::")[0]).resolve() for argument in config.args]


def _collected_whole(config: pytest.Config, folder: Path) -> bool:
    if config.args_source is not pytest.Config.ArgsSource.ARGS:
        return True
    return any(
        path.is_dir() and folder.resolve().is_relative_to(path) for path in _arguments(config)
    )


def _is_case(marker: pytest.Mark) -> bool:
    return bool(marker.args) or "case" in marker.kwargs


def _case_of(marker: pytest.Mark) -> object:
    return marker.args[0] if marker.args else marker.kwargs["case"]
