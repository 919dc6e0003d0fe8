"""Images and labels from disk, as batches."""

from segprune.data.frames import Frame, Frames, find_frames, read_batches

__all__ = ["Frame", "Frames", "find_frames", "read_batches"]
