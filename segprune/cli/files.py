"""A file that is missing is an error before torch is imported, which takes seconds."""

from __future__ import annotations

from pathlib import Path

from segprune.errors import ArtifactError, InputError

__all__ = ["require_file", "require_folder"]


def require_file(path: Path | None, expected: str) -> None:
    """Raise ArtifactError where a file was named that is not there; what it holds is not read."""
    if path is not None and not path.exists():
        raise ArtifactError(f"{path}: expected {expected}, found no such file; check the path.")


def require_folder(path: Path | None, expected: str, advice: str = "check the path") -> None:
    """Raise InputError where a folder was named that is not there."""
    if path is not None and not path.is_dir():
        found = "a file" if path.exists() else "nothing"
        raise InputError(f"{path}: expected {expected}, found {found}; {advice}.")
