"""What each command of the README runs in this repository, through its own conftest."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("words", "speed", "gates", "laws"),
    [
        ((), False, True, True),
        (("--benchmark-only",), True, False, False),
        (("benchmarks",), True, True, False),
        (("benchmarks/test_gate_speed.py",), True, False, False),
        (("tests",), False, False, True),
    ],
    ids=lambda value: " ".join(value) or "bare" if isinstance(value, tuple) else None,
)
def test_a_command_runs_what_the_readme_says(
    words: tuple[str, ...], speed: bool, gates: bool, laws: bool
) -> None:
    own = {k: v for k, v in os.environ.items() if not k.startswith(("PYTEST_", "SEGPRUNE_"))}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--collect-only",
         "--segprune-partial", *words],
        cwd=ROOT, env=own, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    found = {
        "speed": "benchmarks/test_gate_speed.py::" in done.stdout,
        "gates": "benchmarks/test_gate_accuracy.py::" in done.stdout,
        "laws": "tests/test_laws.py::" in done.stdout,
    }
    assert found == {"speed": speed, "gates": gates, "laws": laws}
