"""Keep freed memory in the process, so that the time of a call does not depend on the heap.

glibc gives freed memory back to the system, or keeps it, by thresholds that move with what the
process did before. A network whose activations are given back at the end of every call pays for
fetching them anew, page by page: a dense BiSeNetV2 at 512×1024 paid 12,000 to 16,000 page faults a
call in some processes and none in others, which alone moved its speed-up over the pruned one from
×1.57 to ×1.97. Within `kept_memory` nothing is given back, as in a server with a caching allocator;
after a few calls the heap has holes for all that a call needs.
"""

from __future__ import annotations

import contextlib
import ctypes
import sys
from collections.abc import Iterator

try:
    import resource
except ImportError:  # Windows
    resource = None  # type: ignore[assignment]

__all__ = ["FEW_PAGES", "kept_memory", "pages_fetched"]

FEW_PAGES = 256
"""Pages of 4 KiB: a call that fetches no more has found its memory in place."""

# <malloc.h>: numbers of mallopt's parameters.
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD, _M_MMAP_MAX = -1, -3, -4

_NEVER = -1  # as size_t, the largest number there is
# Where a busy process ends up by itself: the moving thresholds' upper ends (mallopt(3)).
_LARGEST_THRESHOLD, _USUAL_MMAPS = 32 * 2**20, 65536


@contextlib.contextmanager
def kept_memory() -> Iterator[None]:
    """Keep freed memory within the block, and give it back afterwards.

    On other systems than Linux with glibc, this changes nothing.
    """
    libc = _glibc()
    if libc is None:
        yield
        return
    libc.mallopt(_M_MMAP_MAX, 0)  # large blocks from the heap, too
    libc.mallopt(_M_TRIM_THRESHOLD, _NEVER)
    try:
        yield
    finally:
        libc.mallopt(_M_MMAP_MAX, _USUAL_MMAPS)
        libc.mallopt(_M_MMAP_THRESHOLD, _LARGEST_THRESHOLD)
        libc.mallopt(_M_TRIM_THRESHOLD, 2 * _LARGEST_THRESHOLD)
        libc.malloc_trim(0)


def pages_fetched() -> int:
    """Return the pages that this process has fetched so far; 0 where the system does not count."""
    if resource is None:
        return 0
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt


def _glibc() -> ctypes.CDLL | None:
    if sys.platform != "linux":
        return None
    libc = ctypes.CDLL(None)
    return libc if hasattr(libc, "gnu_get_libc_version") else None
