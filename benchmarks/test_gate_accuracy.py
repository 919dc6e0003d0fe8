"""Accuracy of every case: its baseline's predictions, and no IoU below the policy's floor."""

from __future__ import annotations

from cases import EVERY_CASE
from segprune.pytest_plugin.gate import Gate


@EVERY_CASE
def test_accuracy(case: str, segprune_gate: Gate) -> None:
    segprune_gate.accuracy()
