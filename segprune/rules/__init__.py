"""How channel labels travel through each operator; importing this package fills the table."""

from segprune.operators import RULES, understood
from segprune.rules import (
    contraction,
    convolution,
    creation,
    elementwise,
    normalization,
    pooling,
    rearrangement,
    reduction,
    reshaping,
)

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
