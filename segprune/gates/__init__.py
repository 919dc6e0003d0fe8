"""Gates: does a pruned network reach its targets of size, accuracy and speed?

Each gate is a function from measurements to a `Verdict`; only the speed gate measures by itself.
"""

from segprune.gates.speed import SpeedVerdict, gate_speed
from segprune.gates.verdict import Status, Verdict

__all__ = ["SpeedVerdict", "Status", "Verdict", "gate_speed"]
