"""The embedded data set: road scenes painted with integers, the same bits on every machine."""

from segprune.data.streets.dataset import Streets

__all__ = ["Streets"]
