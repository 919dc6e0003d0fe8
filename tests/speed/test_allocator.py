"""Memory that a process keeps is not fetched again."""

from __future__ import annotations

import platform
import subprocess
import sys

import pytest

from segprune.speed.allocator import kept_memory

GLIBC = platform.libc_ver()[0] == "glibc"


FAULTS = """
import contextlib, resource, sys, torch
from segprune.speed.allocator import kept_memory

def activations():
    return [torch.ones(size) for size in (2_000_000, 6_000_000, 12_000_000)]

def faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    activations()
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

torch.set_num_threads(1)
with kept_memory() if sys.argv[1] == "kept" else contextlib.nullcontext():
    for _ in range(10):
        activations()
    print(faults())
"""


def faults(how: str) -> int:
    """Pages that a call has to fetch after ten calls like it, in a fresh process."""
    command = [sys.executable, "-c", FAULTS, how]
    return int(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


@pytest.mark.slow
@pytest.mark.skipif(not GLIBC, reason="other allocators are left as they are")
def test_memory_that_is_kept_is_not_fetched_again() -> None:
    assert faults("given back") > 10_000
    assert faults("kept") < 100


def test_memory_is_left_to_itself_where_there_is_no_glibc(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    with kept_memory():
        pass
