"""Search the disk for baselines and test files, also where pytest does not look.

pytest does not look into folders with a dot, folders outside `testpaths`, nor those that a conftest
ignores. A baseline in one of them that no test judges looks like one that passed.
"""

from __future__ import annotations

import json
import os
from collections.abc import Container, Iterable, Iterator
from fnmatch import fnmatch
from pathlib import Path

import pytest

from segprune.pytest_plugin.command_line import is_below, searched_paths

__all__ = ["baselines_in", "baselines_on_disk", "is_used_outside_run"]

_SCHEMA = b"segprune.baseline/"
# The name itself, an escape that may stand for one of its letters, or text in UTF-16.
_SIGNS = (b"segprune", b"\\", b"\0")
_LARGEST = 2**24  # bytes; a baseline of a thousand images has less than a tenth of it
_FOREIGN = frozenset((".git", ".hg", ".svn", "__pycache__", "node_modules", "site-packages"))
_ENVIRONMENTS = frozenset(("pyvenv.cfg", "conda-meta", "CACHEDIR.TAG"))  # of packages, or a cache
_PROJECTS = frozenset(("pyproject.toml", "pytest.ini", "tox.ini", "setup.cfg", "setup.py", ".git"))


def baselines_on_disk(config: pytest.Config, collected: Iterable[Path]) -> set[Path]:
    """Find all baselines below the root and below the folders that tests are looked for in.

    Environments, caches, and projects below the root are left out: a project has its own runs.

    Args:
        collected: folders of the tests of this run; a project that holds one is not left out.
    """
    searched = searched_paths(config)
    named = {path if path.is_dir() else path.parent for path in searched if path.exists()}
    roots = {config.rootpath.resolve(), *named}
    own = roots | {above for folder in collected for above in (folder, *folder.parents)}
    topmost = (root for root in roots if not roots.intersection(root.parents))
    found = baselines_in(path for root in topmost for path in _json_files(root, own))
    basetemp = config.getoption("basetemp", None)  # tests of plugins leave repositories there
    if basetemp is None:
        return found
    scratch = Path(config.invocation_params.dir, basetemp).resolve()
    return {path for path in found if not path.is_relative_to(scratch)}


def baselines_in(files: Iterable[Path]) -> set[Path]:
    """Return those JSON files that are baselines; links of folders are resolved."""
    return {path.parent.resolve() / path.name for path in files if _is_baseline(path)}


def is_used_outside_run(config: pytest.Config, fixture: str) -> bool:
    """Return whether a test file that this run does not look into names a fixture.

    The gates of one case may lie in two folders.
    """
    searched = searched_paths(config)
    return any(
        fixture in path.read_text("utf-8", errors="ignore")
        for path in _test_files(config)
        if not is_below(path, searched)
    )


def _json_files(root: Path, own: Container[Path]) -> Iterator[Path]:
    for folder, below, files in os.walk(root):
        here = {*below, *files}
        foreign = here & _PROJECTS and Path(folder) not in own
        if foreign or here & _ENVIRONMENTS:
            below.clear()
            continue
        below[:] = [name for name in below if name not in _FOREIGN]
        yield from (Path(folder, name) for name in files if name.endswith(".json"))


def _is_baseline(path: Path) -> bool:
    """Return whether a file is a baseline, by its schema; also if the rest of it is damaged."""
    try:
        if not path.is_file():  # reading a pipe would wait for its writer
            return False
        with path.open("rb") as stream:
            text = stream.read(_LARGEST)
    except OSError:
        return False
    if not any(sign in text for sign in _SIGNS):
        return False
    try:
        content = json.loads(text)
    except (ValueError, RecursionError):
        return _SCHEMA in text
    schema = content.get("schema") if isinstance(content, dict) else None
    return isinstance(schema, str) and schema.startswith(_SCHEMA.decode())


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
