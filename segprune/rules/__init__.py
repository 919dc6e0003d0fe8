"""How channel labels travel through each operator; importing this package fills the table."""

from segprune.operators import RULES, understood
from segprune.rules import (
    contraction,
    convolution,
    creation,
    elementwise,
    indexing,
    normalization,
    pooling,
    quantization,
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
    "indexing",
    "normalization",
    "pooling",
    "quantization",
    "rearrangement",
    "reduction",
    "reshaping",
    "understood",
]
