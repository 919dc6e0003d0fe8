"""How much faster: two networks measured in turn, in one process, and what the pairs say."""

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
