"""Find baselines on the disk: a baseline that no test judges looks like one that passed.

pytest looks into few folders: not into those with a dot, not outside `testpaths`, nor where a
conftest says so. Baselines are looked for in all of them.
"""

from __future__ import annotations

import json
import os
from collections.abc import Container, Iterable, Iterator
from pathlib import Path

import pytest

from segprune.pytest_plugin.selection import arguments

__all__ = ["baselines_in", "baselines_on_disk"]

_SCHEMA = b"segprune.baseline/"
# The name itself, an escape that may stand for one of its letters, or text in UTF-16.
_SIGNS = (b"segprune", b"\\", b"\0")
_LARGEST = 2**24  # bytes; a baseline of a thousand images has less than a tenth of it
_OTHERS = frozenset((".git", ".hg", ".svn", "__pycache__", "node_modules", "site-packages"))
_ENVIRONMENTS = frozenset(("pyvenv.cfg", "conda-meta", "CACHEDIR.TAG"))  # of packages, or a cache
_PROJECTS = frozenset(("pyproject.toml", "pytest.ini", "tox.ini", "setup.cfg", "setup.py", ".git"))


def baselines_on_disk(config: pytest.Config, collected: Iterable[Path]) -> set[Path]:
    """Find all baselines below the root and below the folders that tests are looked for in.

    Environments, caches, and projects below the root are left out: a project has its own runs.

    Args:
        collected: folders of the tests of this run; a project that holds one is not left out.
    """
    named = {path if path.is_dir() else path.parent for path in arguments(config) if path.exists()}
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
    """Return those of some JSON files that are baselines; links of folders are resolved."""
    return {path.parent.resolve() / path.name for path in files if _is_baseline(path)}


def _json_files(root: Path, own: Container[Path]) -> Iterator[Path]:
    for folder, below, files in os.walk(root):
        here = {*below, *files}
        foreign = here & _PROJECTS and Path(folder) not in own
        if foreign or here & _ENVIRONMENTS:
            below.clear()
            continue
        below[:] = [name for name in below if name not in _OTHERS]
        yield from (Path(folder, name) for name in files if name.endswith(".json"))


def _is_baseline(path: Path) -> bool:
    """Return whether a file is a baseline, by its schema; also if the rest of it is damaged."""
    try:
        if not path.is_file():  # a pipe would be waited for
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
