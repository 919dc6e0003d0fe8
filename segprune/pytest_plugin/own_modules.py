"""Require that a case is judged with the code that lies beside its test.

Python keeps one module a name. Two folders that each have a `networks.py` and test modules that
write `from networks import make_network` share the one that was loaded first: the second case would
be judged with the network of the first.
"""

from __future__ import annotations

import ast
import functools
import importlib.util
import sys
import types
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from segprune.errors import InputError

__all__ = ["require_own_modules"]

_JUDGE = __name__.partition(".")[0]  # it judges, and is loaded before any test
_LOADERS = ("import_module", "__import__")


def require_own_modules(item: pytest.Item, case: str, dense: object) -> None:
    """Require that what a test imports by a name comes from the file of that name beside it.

    The check follows the imports of the test and its conftest, and in turn of these modules, if a
    file of that name lies in a folder that Python searches: the test's own, or one above it.

    Args:
        dense: the network in the marker: a reference, or a function of some module.

    Raises:
        InputError: a module was loaded from another file.
    """
    root = item.config.rootpath
    searched = [Path(entry or ".").resolve() for entry in sys.path]
    here = item.path.parent.resolve()
    folders = [
        folder
        for folder in (here, *here.parents)
        if folder in searched and (folder == here or folder.is_relative_to(root.resolve()))
    ]
    for folder in folders:
        for name, own, loaded in _others_than_in(folder, _roots(item, dense)):
            first = searched.index(folder) < _place(loaded, name, searched)
            if folder == here or first:
                raise InputError(
                    f"{case}: module {name}: expected {_shown(own, root)}, which lies beside its "
                    f"test, found {_shown(loaded, root)}, which was loaded under the same name: "
                    "Python keeps one module a name, so this case would be judged with the other's "
                    "code; rename one of the two, or make packages of their folders (with an "
                    f"__init__.py, and from .{name} import …)."
                )


_Module = tuple[str, Mapping[str, Any], Path | None]
"""A module: its name, the names in it, and its file."""


def _roots(item: pytest.Item, dense: object) -> Iterator[_Module]:
    """Yield the modules that the test begins with, and the module that its marker names."""
    module = getattr(item, "module", None)
    if module is not None:
        yield module.__name__, vars(module), item.path
    for plugin in item.config.pluginmanager.get_plugins():
        file = Path(getattr(plugin, "__file__", None) or "")
        if file.name == "conftest.py" and item.path.is_relative_to(file.parent):
            yield plugin.__name__, vars(plugin), file
    if isinstance(dense, str) and ":" in dense:
        yield dense.partition(":")[0], {}, None
    elif isinstance(dense, types.FunctionType):
        yield dense.__module__, dense.__globals__, None


def _others_than_in(folder: Path, roots: Iterator[_Module]) -> Iterator[tuple[str, Path, Path]]:
    """Yield modules of a folder that another file was loaded for: name, own file, loaded file."""
    waiting, seen = list(roots), set[str]()
    while waiting:
        name, names, file = waiting.pop()
        wanted = ((name, ""),) if file is None else _imports(name, file)
        for imported, alias in wanted:
            for whole in _with_parents(imported):
                own = _file_of(folder, whole)
                if whole in seen or own is None or whole.startswith(_JUDGE):
                    continue
                found = _loaded(whole, alias, names)
                if found is None or found.get("__file__") is None:
                    continue
                seen.add(whole)
                loaded = Path(str(found["__file__"])).resolve()
                if loaded != own.resolve():
                    yield whole, own, loaded
                else:
                    waiting.append((whole, found, own))


def _imports(module: str, file: Path) -> tuple[tuple[str, str], ...]:
    """Return the names of the modules that a file imports, and what each is called there."""
    try:
        return _read_imports(module, file, file.stat().st_mtime_ns)
    except (OSError, SyntaxError, ValueError):  # importing the file raises a clearer error
        return ()


@functools.lru_cache(maxsize=4096)  # each gate of a session asks for the same files
def _read_imports(module: str, file: Path, _: int) -> tuple[tuple[str, str], ...]:
    package = module if file.name == "__init__.py" else module.rpartition(".")[0]
    found: list[tuple[str, str]] = []
    for node in ast.walk(ast.parse(file.read_bytes())):
        if isinstance(node, ast.Import):
            found += [(each.name, each.asname or each.name) for each in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = _absolute(node, package)
            for each in node.names if base else ():
                alias = each.asname or each.name
                found += [(base, alias), (f"{base}.{each.name}", alias)]
        elif isinstance(node, ast.Call) and node.args:
            called = getattr(node.func, "attr", getattr(node.func, "id", None))
            first = node.args[0]
            if called in _LOADERS and isinstance(first, ast.Constant):
                found.append((str(first.value), ""))
    return tuple(found)


def _absolute(node: ast.ImportFrom, package: str) -> str:
    relative = "." * node.level + (node.module or "")
    try:
        return importlib.util.resolve_name(relative, package)
    except ImportError:  # beyond the top, or no package
        return ""


def _with_parents(name: str) -> Iterator[str]:
    parts = name.split(".")
    return (".".join(parts[: end + 1]) for end in range(len(parts)))


def _file_of(folder: Path, module: str) -> Path | None:
    place = folder.joinpath(*module.split("."))
    files = (place / "__init__.py", place.with_name(f"{place.name}.py"))
    return next((file for file in files if file.is_file()), None)


def _loaded(module: str, alias: str, names: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Return the names in the module that an import gave, found by its alias or by its own name."""
    value = names.get(alias)
    if isinstance(value, types.ModuleType) and value.__name__ == module:
        return vars(value)
    if isinstance(value, types.FunctionType) and value.__module__ == module:
        return value.__globals__
    known = sys.modules.get(module)
    return None if known is None else vars(known)


def _place(file: Path, module: str, searched: list[Path]) -> int:
    """Return the position in the search path of the folder that a module was found in."""
    steps = module.count(".") + (file.name == "__init__.py")
    folder = file.parents[steps]
    return searched.index(folder) if folder in searched else len(searched)


def _shown(file: Path, root: Path) -> str:
    return str(file.relative_to(root) if file.is_relative_to(root) else file)
