"""The names of the data sets and their folders; imports no torch, so that errors come at once."""

from __future__ import annotations

from pathlib import Path

from segprune.errors import InputError

__all__ = ["NAMES", "folder_of", "require_folder"]

NAMES = ("streets", "camvid", "cityscapes", "folder")


def folder_of(name: str | None) -> str:
    """Describe the folder of a data set in an error; None: a data set without a name."""
    if name == "folder":
        return "the folder of your images and labels"
    return f"the folder of {name or 'the data set'}"


def require_folder(path: Path | None, expected: str, advice: str = "check the path") -> None:
    """Raise InputError where a folder is not there; `expected` says what should be in it."""
    if path is not None and not path.is_dir():
        found = "a file" if path.exists() else "nothing"
        raise InputError(f"{path}: expected {expected}, found {found}; {advice}.")
