"""Images and labels: data sets by name, their training views, and frames as batches."""

from segprune.data.frames import Frame, Frames, find_frames, read_batches
from segprune.data.opening import open_dataset

__all__ = ["Frame", "Frames", "find_frames", "open_dataset", "read_batches"]
