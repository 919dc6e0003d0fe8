"""What every data set of this package gives out: samples, a class table, and a digest of it all."""

from __future__ import annotations

import hashlib
from abc import abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from torch.utils.data import Dataset
from torchvision import tv_tensors
from torchvision.transforms.v2 import functional

from segprune.data.classes import ClassTable

__all__ = ["ClassTable", "Sample", "SegmentationDataset"]


@dataclass(frozen=True)
class Sample:
    """One image with its label.

    Attributes:
        image: uint8 `(3, H, W)`, RGB.
        label: uint8 `(H', W')`: class indices, 255 is void; at its own full resolution.
        name: unique in the data set, for messages and reports.
    """

    image: tv_tensors.Image
    label: tv_tensors.Mask
    name: str

    def to(self, device: torch.device) -> Sample:
        """The same sample on another device."""
        return Sample(
            tv_tensors.Image(self.image.to(device)),
            tv_tensors.Mask(self.label.to(device)),
            self.name,
        )

    def content(self) -> Iterator[bytes]:
        """What digests of a data set are made of: name, shapes and bytes of image and label."""
        for part in (self.image, self.label):
            yield f"{self.name} {tuple(part.shape)}\n".encode()
            yield part.contiguous().numpy().tobytes()


class SegmentationDataset(Dataset[Sample]):
    """Base of all data sets; a subclass reads single samples in `_read`.

    Attributes:
        name, split: such as "camvid", "val".
        size: (H, W) that images are resized to, or None for the stored size. Labels stay as they
            are: evaluation resizes logits to the label.
        classes: the class table.
        sequences: the video sequence that each image belongs to.
        notes: sentences that the user has to see, such as which files are left out.
    """

    name: str
    split: str
    size: tuple[int, int] | None
    classes: ClassTable
    sequences: tuple[str, ...]
    notes: tuple[str, ...] = ()

    def __init__(
        self,
        name: str,
        split: str,
        classes: ClassTable,
        sequences: tuple[str, ...],
        *,
        size: tuple[int, int] | None = None,
        cache: bool = False,
    ) -> None:
        self.name, self.split, self.classes, self.sequences = name, split, classes, sequences
        self.size = size
        self._cached: dict[int, Sample] | None = {} if cache else None

    @property
    def is_cached(self) -> bool:
        """Whether samples stay in memory once they were read."""
        return self._cached is not None

    def __len__(self) -> int:
        return len(self.sequences)

    def __getitem__(self, index: int) -> Sample:
        """A sample; negative indices count from the end.

        Raises:
            InputError: a file that cannot be read, or labels outside the class table.
        """
        if not -len(self) <= index < len(self):
            raise IndexError(f"{self.name} {self.split}: image {index} of {len(self)}")
        index %= len(self)
        if self._cached is not None and index in self._cached:
            return self._cached[index]
        sample = self._resized(self._read(index))
        if self._cached is not None:
            self._cached[index] = sample
        return sample

    def digest(self) -> str:
        """SHA-256 over names, images and labels as they are given out, in order."""
        digest = hashlib.sha256()
        for index in range(len(self)):
            for part in self[index].content():
                digest.update(part)
        return digest.hexdigest()

    def source(self, index: int) -> str:
        """Where a sample's label comes from, for messages: a file, where there is one."""
        return f"{self.name} {self.split}, image {index}"

    def unpaired_labels(self) -> list[Path]:
        """Label files that belong to no image, where labels are files."""
        return []

    def label_values(self, index: int) -> dict[int, int]:
        """Count the pixels of each value in a label file; empty if labels are not files.

        Raises:
            InputError: the file cannot be read.
        """
        return {}

    def require_classes(self) -> None:
        """Raise InputError if label files show only one of several classes."""

    def stored_size(self, index: int) -> tuple[int, int]:
        """(H, W) of an image as it is stored."""
        height, width = self._read(index).image.shape[-2:]
        return int(height), int(width)

    @abstractmethod
    def _read(self, index: int) -> Sample:
        """One sample at its stored size."""

    def _resized(self, sample: Sample) -> Sample:
        if self.size is None or tuple(sample.image.shape[-2:]) == self.size:
            return sample
        image = functional.resize(sample.image, list(self.size), antialias=True)
        return Sample(tv_tensors.Image(image), sample.label, sample.name)
