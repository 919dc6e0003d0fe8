"""Speed: two networks measured in turn, in one process, and the interval of their speed-up."""

from segprune.records.speed import Pair, SpeedComparison, SpeedInput
from segprune.speed.comparison import compare_speed, measure, summarise
from segprune.speed.pairs import drawn_order

__all__ = [
    "Pair",
    "SpeedComparison",
    "SpeedInput",
    "compare_speed",
    "drawn_order",
    "measure",
    "summarise",
]
