"""Gates: does a pruned network keep what was promised of its size, its accuracy and its speed?

Each gate is a function from measurements to a `Verdict`; only the speed gate measures itself.
"""

from segprune.gates.speed import SpeedVerdict, gate_speed
from segprune.gates.verdict import Status, Verdict

__all__ = ["SpeedVerdict", "Status", "Verdict", "gate_speed"]
