"""Compare a data set with what was written to disk."""

from __future__ import annotations

import numpy as np
from torchvision import tv_tensors

from data import trees
from segprune.data.dataset import SegmentationDataset


def check(dataset: SegmentationDataset, written: dict[str, tuple[np.ndarray, ...]]) -> None:
    """The data set gives out these images and labels, by name."""
    assert [dataset[index].name for index in range(len(dataset))] == sorted(written)
    for sample in (dataset[index] for index in range(len(dataset))):
        image, label = written[sample.name]
        assert isinstance(sample.image, tv_tensors.Image)
        assert isinstance(sample.label, tv_tensors.Mask)
        assert np.array_equal(sample.image.numpy(), image.transpose(2, 0, 1))
        assert np.array_equal(sample.label.numpy(), label)
        assert sample.label.dtype == sample.image.dtype


def mapped(
    written: dict[str, tuple[np.ndarray, ...]], table: dict[int, int]
) -> dict[str, tuple[np.ndarray, ...]]:
    """The labels changed value by value; what the table does not have is void."""
    change = np.vectorize(lambda value: table.get(int(value), trees.VOID))
    return {name: (image, change(label)) for name, (image, label) in written.items()}
