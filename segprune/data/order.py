"""Which sample comes when: sample order and augmentation as pure functions of (seed, epoch, index).

A run that is killed and resumed at an epoch's beginning therefore sees what an unbroken one sees,
whatever the workers and the processes.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset, Sampler

from segprune.data.augmentation import Augmentation, draw_view, take_view
from segprune.data.dataset import Sample, SegmentationDataset

__all__ = ["EpochOrder", "TrainingSet", "epoch_order"]

Key = tuple[int, int]
"""Epoch and index: all that a training sample depends on, beside the seed."""


def epoch_order(seed: int, epoch: int, count: int) -> tuple[int, ...]:
    """A permutation of `range(count)`; another one each epoch."""
    # Raw words, sorted: unlike Generator.permutation their stream is the same in every numpy.
    words = np.random.Philox(np.random.SeedSequence((seed, epoch))).random_raw(count)
    return tuple(int(index) for index in np.argsort(words, kind="stable"))


class EpochOrder(Sampler[Key]):
    """Yields `(epoch, index)`: this process's part of an epoch's order.

    Whole global batches only: every process takes as many steps, and no BatchNorm sees a batch of
    one. What is left over in one epoch is left over at random, so nothing is left out for good.

    Args:
        count: of samples.
        batch: samples in a batch of one process.
        rank, world: which process this is, out of how many.
    """

    def __init__(self, count: int, batch: int, seed: int, rank: int = 0, world: int = 1) -> None:
        self._count, self._batch, self._seed = count, batch, seed
        self._rank, self._world = rank, world
        self._epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Called by Lightning before each epoch, a resumed one too."""
        self._epoch = epoch

    def __len__(self) -> int:
        return self._count // (self._batch * self._world) * self._batch

    def __iter__(self) -> Iterator[Key]:
        epoch = self._epoch
        order = epoch_order(self._seed, epoch, self._count)
        whole = len(self) * self._world
        # Neighbouring samples go to different processes: one global batch is the same set of
        # samples, however many processes share it.
        return iter([(epoch, index) for index in order[self._rank : whole : self._world]])


class TrainingSet(Dataset[tuple[Tensor, Tensor]]):
    """Augmented samples by `(epoch, index)`: images uint8 `(3, H, W)`, labels int64 `(H, W)`.

    Args:
        device: where views are taken, and remain; a GPU keeps the images that the data set keeps
            in memory, and takes a view in a fraction of a processor's time.
    """

    def __init__(
        self,
        dataset: SegmentationDataset,
        augmentation: Augmentation,
        seed: int,
        device: torch.device | None = None,
    ) -> None:
        self._dataset, self._augmentation, self._seed = dataset, augmentation, seed
        self._device = device or torch.device("cpu")
        self._there: dict[int, Sample] = {}

    def __len__(self) -> int:
        return len(self._dataset)

    def __getitem__(self, key: Key) -> tuple[Tensor, Tensor]:
        epoch, index = key
        sample = self._dataset[index]
        view = draw_view(sample, self._augmentation, self._seed, epoch, index)
        image, label = take_view(self._moved(sample, index), view)
        return torch.as_tensor(image), torch.as_tensor(label).long()

    def _moved(self, sample: Sample, index: int) -> Sample:
        if self._device.type == "cpu":
            return sample
        found = self._there.get(index)
        if found is None:
            found = sample.to(self._device)
            if self._dataset.is_cached:
                self._there[index] = found
        return found
