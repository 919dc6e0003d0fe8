"""Keep the memory that a step of training gives back: the next step asks for the same."""

from __future__ import annotations

import ctypes
import os
import sys

__all__ = ["keep_memory"]

_TRIM_THRESHOLD, _MMAP_MAX = -1, -4  # of mallopt(3)
_NEVER, _NONE = -1, 0


def keep_memory() -> None:
    """Tell glibc to keep what is freed, for the rest of this process; elsewhere, do nothing.

    Of itself it gives every large tensor back to the system, and gets it anew page by page, each
    of which the kernel clears first. Whoever has settings of their own (`MALLOC_*`,
    `GLIBC_TUNABLES`) keeps them.
    """
    own = [name for name in os.environ if name.startswith("MALLOC_") or name == "GLIBC_TUNABLES"]
    if own or not sys.platform.startswith("linux"):
        return
    adjust = getattr(ctypes.CDLL(None), "mallopt", None)  # musl has none
    if adjust is not None:
        adjust(_MMAP_MAX, _NONE)
        adjust(_TRIM_THRESHOLD, _NEVER)
