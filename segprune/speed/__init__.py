"""How much faster: two networks measured in turn, in one process, and what the pairs say."""

from segprune.speed.comparison import SpeedComparison, compare_speed, measure, summarise
from segprune.speed.pairs import Pair, balanced_order

__all__ = ["Pair", "SpeedComparison", "balanced_order", "compare_speed", "measure", "summarise"]
