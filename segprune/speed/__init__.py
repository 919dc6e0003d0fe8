"""How much faster: two networks measured in turn, in one process, and what the pairs say."""

from segprune.speed.comparison import SpeedComparison, compare_speed, measure, summarise
from segprune.speed.inputs import SpeedInput
from segprune.speed.pairs import Pair, drawn_order

__all__ = [
    "Pair",
    "SpeedComparison",
    "SpeedInput",
    "compare_speed",
    "drawn_order",
    "measure",
    "summarise",
]
