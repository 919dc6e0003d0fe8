"""Segmentation networks, by name or adapted, behind one contract (`SegmentationModel`)."""

from segprune.models.adapters import adapt
from segprune.models.contract import SegmentationModel
from segprune.models.registry import available, build, spec_of

__all__ = ["SegmentationModel", "adapt", "available", "build", "spec_of"]
