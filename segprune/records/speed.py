"""The record of a speed-up: two networks measured in turn, every pair, and the interval."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple

__all__ = ["MemoryFormat", "Pair", "SpeedComparison", "SpeedInput"]


@dataclass(frozen=True)
class Pair:
    """Two runs side by side: `reference_ms`, `candidate_ms`, and which came first."""

    reference_ms: float
    candidate_ms: float
    reference_first: bool


@dataclass(frozen=True)
class SpeedComparison:
    """A speed-up and its interval.

    Attributes:
        reference_ms, candidate_ms: median time of one call.
        reference_fps, candidate_fps: images per second at that time.
        speedup: median over the pairs of reference time over candidate time; above 1 the candidate
            is faster.
        low, high: interval that covers the true median with at least `confidence`.
        pairs: how many.
        confidence: the least coverage of the interval, looks in between included.
        batch: images in one call.
        threads: CPU threads while measuring.
        device: "cpu" or "cuda".
        samples: every pair, in the order in which they ran.
    """

    reference_ms: float
    candidate_ms: float
    reference_fps: float
    candidate_fps: float
    speedup: float
    low: float
    high: float
    pairs: int
    confidence: float
    batch: int
    threads: int
    device: str
    samples: tuple[Pair, ...]

    @property
    def verdict(self) -> Literal["faster", "slower", "no difference"]:
        """What the interval supports; "no difference" means that none was found."""
        if self.low > 1:
            return "faster"
        return "slower" if self.high < 1 else "no difference"


MemoryFormat = Literal["contiguous", "channels_last"]


class SpeedInput(NamedTuple):
    """One call's input; convolutions follow its memory format through the whole network.

    Attributes:
        size: `(N, C, H, W)`.
        memory_format: "channels_last" is the faster one for convolutions on most processors.
    """

    size: tuple[int, ...]
    memory_format: MemoryFormat = "contiguous"

    def __str__(self) -> str:
        words = "" if self.memory_format == "contiguous" else ", channels last"
        return "×".join(map(str, self.size)) + words
