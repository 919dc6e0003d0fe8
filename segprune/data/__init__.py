"""Images and labels: data sets by name, their training views, and frames as batches."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from segprune.data.frames import Frame, Frames, find_frames, read_batches
    from segprune.data.opening import open_dataset

__all__ = ["Frame", "Frames", "find_frames", "open_dataset", "read_batches"]


def __getattr__(name: str) -> Any:
    """Import a name when it is first used: a recipe is read without torch."""
    if name not in __all__:
        raise AttributeError(f"module 'segprune.data' has no attribute {name!r}")
    module = "opening" if name == "open_dataset" else "frames"
    value = getattr(importlib.import_module(f"segprune.data.{module}"), name)
    globals()[name] = value
    return value
