"""The faults that no test notices are a committed list, and that list may only shrink."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

LIST = Path(__file__).parent / "survivors.json"
COUNT = 4
"""Faults of each module."""


@pytest.mark.slow
def test_the_faults_that_no_test_notices_are_the_listed_ones() -> None:
    script = (
        "import json; from mutation.running import CASES, survivors; "
        f"print(json.dumps(survivors([*CASES], {COUNT})))"
    )
    run = subprocess.run(
        [sys.executable, "-c", script], cwd=LIST.parent.parent, capture_output=True, text=True
    )
    assert run.returncode == 0, run.stderr
    found, listed = set(json.loads(run.stdout)), set(json.loads(LIST.read_text("utf-8")))
    assert not found - listed, "write a test that notices them"
    assert not listed - found, "these are noticed, or gone: take them off the list"
