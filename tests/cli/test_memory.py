"""Memory that a step of training frees is kept for the next step."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="asks Linux for page faults")
@pytest.mark.parametrize("own", [None, "MALLOC_ARENA_MAX", "GLIBC_TUNABLES"])
def test_the_next_step_takes_what_a_step_frees_unless_the_user_set_malloc(own: str | None) -> None:
    """The kernel counts the pages it hands out: in the end none, or those of every step."""
    script = (
        "import resource, segprune.cli.memory as memory\n"
        "faults = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_minflt\n"
        "step = lambda: [bytearray(30_000_000) for _ in range(3)]\n"
        "memory.keep_memory()\n"
        "for _ in range(9): before = faults(); step()\n"
        "print(faults() - before)"
    )
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("MALLOC", "GLIBC"))}
    if own is not None:
        environment[own] = "glibc.malloc.arena_max=2" if own == "GLIBC_TUNABLES" else "2"
    done = subprocess.run(
        [sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=True
    )
    assert (int(done.stdout) > 10_000) == (own is not None)
