"""Speed of every case: the speed-up that the policy demands, dense and pruned in turn."""

from __future__ import annotations

from cases import EVERY_CASE
from segprune.pytest_plugin.gate_speed import SpeedGate


@EVERY_CASE
def test_speed(case: str, segprune_speed: SpeedGate) -> None:
    segprune_speed()
