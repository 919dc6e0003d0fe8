"""Baselines: what a case came to when it was accepted, one readable JSON file a case."""

from segprune.baselines.reading import read_baseline
from segprune.baselines.record import Baseline
from segprune.baselines.writing import accept

__all__ = ["Baseline", "accept", "read_baseline"]
