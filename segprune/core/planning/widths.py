"""The least width of a layer: how many channels stay, whatever a budget asks for."""

from __future__ import annotations

import math
from dataclasses import dataclass

from segprune.core.labels import LabelVector

__all__ = ["MinWidth", "least_width"]


@dataclass(frozen=True)
class MinWidth:
    """An axis that keeps at least `least` positions."""

    labels: LabelVector
    least: int


def least_width(channels: int, floor: float, min_channels: int) -> int:
    """Return how many of its channels a layer keeps at least.

    Args:
        channels: the width of the dense layer.
        floor: the least share of them.
        min_channels: the least number of them, or all where there are fewer.
    """
    return min(channels, max(min_channels, math.ceil(floor * channels)))
