"""Test files that this run did not look at: the gates of one case may lie in two folders."""

from __future__ import annotations

import os
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path

import pytest

from segprune.pytest_plugin.selection import arguments, is_below

__all__ = ["is_named_elsewhere"]


def is_named_elsewhere(config: pytest.Config, fixture: str) -> bool:
    """Whether a test file under the root that was not looked at names a fixture."""
    looked_in = arguments(config)
    return any(
        fixture in path.read_text("utf-8", errors="ignore")
        for path in _test_files(config)
        if not is_below(path, looked_in)
    )


def _test_files(config: pytest.Config) -> Iterator[Path]:
    patterns, left_out = config.getini("python_files"), config.getini("norecursedirs")
    for folder, below, files in os.walk(config.rootpath):
        below[:] = [
            name
            for name in below
            if not any(fnmatch(name, pattern) for pattern in left_out)
            and not Path(folder, name, "pyvenv.cfg").exists()
        ]
        for name in files:
            if any(fnmatch(name, pattern) for pattern in patterns):
                yield Path(folder, name)
