"""The notebook of the study runs as it stands, and its outputs were made by it."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[1]
FILE = ROOT / "examples" / "study.ipynb"
QUICK = {"STUDY_IMAGES": "4", "STUDY_STEPS": "2", "STUDY_SECONDS": "0.5"}
LARGEST = 1_000_000


def cells(kind: str) -> list[dict[str, Any]]:
    found = json.loads(FILE.read_text(encoding="utf-8"))["cells"]
    return [cell for cell in found if cell["cell_type"] == kind]


@pytest.mark.slow
def test_every_cell_runs(tmp_path: Path) -> None:
    code = "\n\n".join("".join(cell["source"]) for cell in cells("code"))
    done = subprocess.run(
        [sys.executable, "-c", f"import matplotlib\nmatplotlib.use('Agg')\n{code}"],
        cwd=FILE.parent, capture_output=True, text=True, check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT), **QUICK},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    assert " MB" in done.stdout.splitlines()[-1]


def test_cells_were_run_in_order_and_without_an_error() -> None:
    counts = [cell["execution_count"] for cell in cells("code")]
    assert counts == [*range(1, len(counts) + 1)]
    kinds = {output["output_type"] for cell in cells("code") for output in cell["outputs"]}
    assert kinds <= {"stream", "display_data", "execute_result"}
    pictures = [
        o for cell in cells("code") for o in cell["outputs"] if "image/png" in o.get("data", {})
    ]
    assert len(pictures) >= 3


def test_it_is_small_and_names_no_machine() -> None:
    text = FILE.read_text(encoding="utf-8")
    assert len(text) < LARGEST
    shown = ["".join(o.get("text", ())) for cell in cells("code") for o in cell["outputs"]]
    written = ["".join(cell["source"]) for kind in ("code", "markdown") for cell in cells(kind)]
    plain = "\n".join([*shown, *written])
    assert not re.search(r"/(?:home|root|Users|work|tmp)/", plain)


def test_links_lead_to_pages() -> None:
    for cell in cells("markdown"):
        for link in re.findall(r"\]\((\.\./[^)]+)\)", "".join(cell["source"])):
            assert (FILE.parent / link).exists(), link
