"""Baselines: the accepted figures of each case, in one readable JSON file a case."""

from segprune.gates.baselines.reading import read_baseline
from segprune.gates.baselines.writing import accept
from segprune.records.baseline import Baseline

__all__ = ["Baseline", "accept", "read_baseline"]
