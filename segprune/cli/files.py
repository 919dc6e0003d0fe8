"""A file that is missing is an error before torch is imported, which takes seconds."""

from __future__ import annotations

import os
from pathlib import Path

from segprune.errors import ArtifactError

__all__ = ["require_file"]


def require_file(path: Path | None, expected: str) -> None:
    """Raise ArtifactError where a file was named that is not there; what it holds is not read."""
    if path is not None and not os.path.exists(path):
        raise ArtifactError(f"{path}: expected {expected}, found no such file; check the path.")
