"""All rules in one table: importing this module registers every operator that has a rule."""

from segprune.core.rules import (
    contraction,
    convolution,
    creation,
    elementwise,
    indexing,
    normalization,
    pooling,
    quantization,
    rearrangement,
    recurrent,
    reduction,
    reshaping,
)
from segprune.core.rules.operators import RULES, understood

__all__ = [
    "RULES",
    "contraction",
    "convolution",
    "creation",
    "elementwise",
    "indexing",
    "normalization",
    "pooling",
    "quantization",
    "rearrangement",
    "recurrent",
    "reduction",
    "reshaping",
    "understood",
]
