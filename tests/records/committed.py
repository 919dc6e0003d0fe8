"""Records that are kept with the project: files of this version and of earlier ones."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from segprune.records.io import from_json, to_json

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"


def committed(kind: type[Any]) -> list[Path]:
    """Return the committed files that hold one record of a kind; bundles are left out."""
    head = f'"schema": {json.dumps(kind.SCHEMA)}'
    paths = sorted((*BENCHMARKS.glob("records/**/*.json"), *BENCHMARKS.glob("baselines/*.json")))
    return [path for path in paths if head in path.read_text("utf-8")[:80]]


def stays_as_it_is(kind: type[Any], text: str) -> Any:
    """Read a record, check that it is written back with the same content, and return it."""
    record = from_json(kind, text)
    assert json.loads(to_json(record)) == json.loads(text)
    return record
