"""Where the results of a run go: a folder of its own, under a name that says what it was."""

from __future__ import annotations

from pathlib import Path

from segprune.errors import InputError

__all__ = ["choose_folder"]

_MOST = 10_000


def choose_folder(out: Path, name: str | None, stem: str, *, replace: bool = False) -> Path:
    """The folder for a run's results; nothing is made yet.

    Args:
        out: folder of all runs.
        name: asked for by the user: taken as it is, and refused where it exists already.
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
    folder = out / name
    if folder.exists() and not replace:
        raise InputError(
            f"name: expected one that is free, found {folder} there already; choose another name, "
            "or pass --replace."
        )
    return folder
