"""Batches of a data set's images, in the form in which importances look at frames of a folder."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from torch import Tensor
from torch.nn.functional import interpolate

from segprune.data.dataset import SegmentationDataset
from segprune.data.frames import Frames, in_batches, require_three_channels
from segprune.data.reading import spread
from segprune.records.preprocessing import Preprocessing

__all__ = ["read_dataset_batches"]


def read_dataset_batches(
    dataset: SegmentationDataset,
    count: int,
    size: Sequence[int],
    *,
    labels: bool = True,
    preprocessing: Preprocessing | None = None,
) -> Frames:
    """Read evenly spaced images of a data set that was opened at the size of a batch.

    Args:
        count: batches wanted; fewer where the data set does not hold enough, but at least one.
        size: of a batch, `(N, 3, H, W)`.
        labels: whether the labels are used, resized to `(H, W)` by the nearest pixel.
        preprocessing: how pixels are normalised; None: with ImageNet's mean and deviation.

    Raises:
        InputError: a size that is not one of images, or a sample that cannot be read.
    """
    require_three_channels(size)
    height, width = size[2:]
    batch = min(size[0], len(dataset))
    wanted = min(count * batch, len(dataset) // batch * batch)
    digest = hashlib.sha256()
    images: list[Tensor] = []
    indices: list[Tensor] = []
    for index in spread(range(len(dataset)), wanted):
        sample = dataset[index]
        for part in sample.content():
            digest.update(part)
        images.append(sample.image.as_subclass(Tensor))
        label = sample.label.as_subclass(Tensor)[None, None].float()
        indices.append(interpolate(label, (height, width), mode="nearest-exact")[0, 0].long())
    batches = in_batches(images, indices if labels else None, batch, preprocessing)
    return Frames(batches, wanted, labels, digest.hexdigest(), dataset.notes)
