"""How channel labels travel through each operator; importing this package fills the table."""

from segprune.rules import (
    contraction,
    convolution,
    creation,
    elementwise,
    normalization,
    pooling,
    reduction,
    rearrangement,
    reshaping,
)
from segprune.operators import RULES, understood

__all__ = [
    "RULES",
    "contraction",
    "convolution",
    "creation",
    "elementwise",
    "normalization",
    "pooling",
    "rearrangement",
    "reduction",
    "reshaping",
    "understood",
]
