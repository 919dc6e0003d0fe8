"""Batches for training and evaluation, divided among the processes of a training."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any, cast

import pytorch_lightning as pl
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from segprune.data.dataset import SegmentationDataset
from segprune.data.order import EpochOrder, TrainingSet
from segprune.errors import InputError, SegpruneError
from segprune.training.recipe import Recipe

__all__ = ["CPU", "Batches", "explain_batch_of_one", "training_loader", "unwrap_worker_errors"]

Loader = DataLoader[tuple[Tensor, Tensor]]

_ONE_VALUE = "Expected more than 1 value per channel"
"""How torch begins to say that a BatchNorm has no variance in a batch of one."""

CPU = torch.device("cpu")


def training_loader(
    training: SegmentationDataset,
    recipe: Recipe,
    rank: int = 0,
    world: int = 1,
    device: torch.device = CPU,
) -> Loader:
    """Batches of augmented images uint8 `(N, 3, H, W)` and labels int64 `(N, H, W)`.

    Args:
        device: that they are meant for. Workers take views on the CPU; without any, the process
            that trains takes them where it trains.
    """
    section = recipe.training
    workers = recipe.data.workers
    there = CPU if workers else device
    return DataLoader(
        TrainingSet(training, recipe.augmentation.build(), recipe.seed, there),
        batch_size=section.batch_size,
        sampler=EpochOrder(len(training), section.batch_size, recipe.seed, rank, world),
        num_workers=workers,
        persistent_workers=workers > 0,
        pin_memory=workers > 0 and device.type == "cuda",
        drop_last=True,
    )


@contextlib.contextmanager
def unwrap_worker_errors() -> Iterator[None]:
    """Raise the error of a worker process in place of one that holds its traceback as text."""
    try:
        yield
    except SegpruneError as error:
        kind = type(error)
        _, traceback, said = str(error).rpartition(f"\n{kind.__module__}.{kind.__qualname__}: ")
        if not traceback:
            raise
        raise kind(said.rstrip()) from None


@contextlib.contextmanager
def explain_batch_of_one() -> Iterator[None]:
    """Name the field of the recipe that makes a BatchNorm refuse its batch."""
    try:
        yield
    except ValueError as error:
        if not str(error).startswith(_ONE_VALUE):
            raise
        raise InputError(
            "training.batch_size: expected at least 2, found 1; the network has a BatchNorm over "
            "a single pixel of each image, which has no variance in a batch of one."
        ) from error


class Batches(pl.LightningDataModule):
    """The loaders, made when Lightning knows which process this is.

    Args:
        first_epoch: that this attempt trains.
    """

    def __init__(
        self,
        recipe: Recipe,
        training: SegmentationDataset,
        validation: SegmentationDataset | None,
        first_epoch: int,
    ) -> None:
        super().__init__()
        self._first_epoch = first_epoch
        self._recipe, self._training, self._validation = recipe, training, validation

    def train_dataloader(self) -> Loader:
        rank, world = self._place()
        device = CPU if self.trainer is None else self.trainer.strategy.root_device
        loader = training_loader(self._training, self._recipe, rank, world, device)
        # Lightning sets the epoch only after workers have begun to read their first samples.
        cast(EpochOrder, loader.sampler).set_epoch(self._first_epoch)
        return loader

    def val_dataloader(self) -> Any:
        if self._validation is None:
            return []
        # One at a time: labels keep their own size. Each process has images of its own.
        return DataLoader(_Part(self._validation, *self._place()), batch_size=1)

    def _place(self) -> tuple[int, int]:
        """Return the number of this process, and how many there are."""
        trainer = self.trainer
        return (0, 1) if trainer is None else (trainer.global_rank, trainer.world_size)


class _Part(Dataset[tuple[Tensor, Tensor]]):
    """Every `world`th sample: image uint8 `(3, H, W)`, label int64 `(H', W')`."""

    def __init__(self, dataset: SegmentationDataset, rank: int, world: int) -> None:
        self._dataset, self._indices = dataset, range(rank, len(dataset), world)

    def __len__(self) -> int:
        return len(self._indices)

    def __getitem__(self, place: int) -> tuple[Tensor, Tensor]:
        sample = self._dataset[self._indices[place]]
        return torch.as_tensor(sample.image), torch.as_tensor(sample.label).long()
