"""Where the results of a run go: a folder of its own, for one process at a time."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from segprune.errors import InputError

__all__ = ["choose_folder", "only_one"]

_MOST = 10_000
_LONGEST = 200
"""Bytes of a name; file systems have 255, of which files in the making take some."""


def choose_folder(out: Path, name: str | None, stem: str, *, replace: bool = False) -> Path:
    """Return the folder for a run's results; nothing is made yet.

    Args:
        out: folder of all runs.
        name: the user's choice, which is refused where it exists already.
        stem: for a run without a name; the first of `stem`, `stem-2`, `stem-3` … that is free.
        replace: an existing folder of that `name` may be replaced.

    Raises:
        InputError: the name is not one, or is taken.
    """
    if out.exists() and not out.is_dir():
        raise InputError(f"out: expected a folder, found the file {out}; choose another place.")
    if name is None:
        names = [stem, *(f"{stem}-{number}" for number in range(2, _MOST))]
        return next(out / name for name in names if not (out / name).exists())
    if name in ("", ".", "..") or any(sign in name for sign in "/\\\0"):
        raise InputError(
            f"name: expected a folder's name without slashes, found {name!r}; "
            "choose the place with --out and the name with --name."
        )
    if len(name.encode()) > _LONGEST:
        raise InputError(
            f"name: expected at most {_LONGEST} bytes, found {len(name.encode())}; shorten it."
        )
    folder = out / name
    if folder.exists() and not replace:
        raise InputError(
            f"name: expected one that is free, found {folder} there already; choose another name, "
            "or pass --replace."
        )
    return folder


@contextlib.contextmanager
def only_one(folder: Path) -> Iterator[None]:
    """Lock a folder that exists, so that one process at a time works in it.

    The system takes the lock back from a process that is killed.

    Raises:
        InputError: another process works there.
    """
    from filelock import FileLock, Timeout

    try:
        with FileLock(folder / "lock", timeout=0):
            yield
    except Timeout as error:
        raise InputError(
            f"name: expected a folder that nothing works in, found another process in {folder}; "
            "wait for it, or choose another name."
        ) from error
