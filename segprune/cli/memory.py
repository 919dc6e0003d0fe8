"""Keep the memory that a step of training gives back: the next step asks for the same."""

from __future__ import annotations

import ctypes
import os
import sys

__all__ = ["keep_memory"]

_TRIM_THRESHOLD, _MMAP_MAX = -1, -4  # of mallopt(3)
_NEVER, _NONE = -1, 0


def keep_memory() -> None:
    """Let glibc keep what is freed for the rest of this process; do nothing without glibc.

    By default glibc returns every large tensor to the system and takes it back page by page, and
    the kernel clears each page first. A user's own settings (`MALLOC_*`, `GLIBC_TUNABLES`) stay.
    """
    own = [name for name in os.environ if name.startswith("MALLOC_") or name == "GLIBC_TUNABLES"]
    if own or not sys.platform.startswith("linux"):
        return
    adjust = getattr(ctypes.CDLL(None), "mallopt", None)  # musl has none
    if adjust is not None:
        adjust(_MMAP_MAX, _NONE)
        adjust(_TRIM_THRESHOLD, _NEVER)
