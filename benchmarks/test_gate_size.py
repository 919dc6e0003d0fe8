"""Size of every case: exactly its baseline's, within its budget, and really gone."""

from __future__ import annotations

from cases import EVERY_CASE
from segprune.pytest_plugin.gate import Gate


@EVERY_CASE
def test_size(case: str, segprune_gate: Gate) -> None:
    segprune_gate.size()


@EVERY_CASE
def test_proof(case: str, segprune_gate: Gate) -> None:
    segprune_gate.proof()
