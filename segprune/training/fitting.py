"""Fit: from a network and a recipe to trained weights, resumed where an earlier attempt stopped."""

from __future__ import annotations

import contextlib
import logging
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import Callback, EMAWeightAveraging, ModelCheckpoint
from pytorch_lightning.loggers import CSVLogger, Logger, TensorBoardLogger
from torch import Tensor, nn
from torch.utils.data import DataLoader

from segprune.data.dataset import SegmentationDataset
from segprune.data.order import EpochOrder, TrainingSet
from segprune.data.preprocessing import Preprocessing
from segprune.errors import InputError
from segprune.training.module import Module
from segprune.training.objective import Objective, frozen
from segprune.training.recipe import Recipe

__all__ = ["Fit", "fit", "training_loader"]

Report = Callable[[str, int, int], None]
"""Called with what is being done, how much of it is done, and how much there is."""


@dataclass(frozen=True)
class Fit:
    """What a training did.

    Attributes:
        epochs, steps: in all, earlier attempts included; steps are the optimiser's.
        seconds: of this attempt alone.
        resumed_at: the epoch at which this attempt began; 0 for a fresh one.
        losses: the last epoch's mean of each term.
        primary: whether this process is the one that writes results.
    """

    epochs: int
    steps: int
    seconds: float
    resumed_at: int
    losses: dict[str, float]
    primary: bool


def fit(
    network: nn.Module,
    recipe: Recipe,
    training: SegmentationDataset,
    folder: Path,
    *,
    validation: SegmentationDataset | None = None,
    teacher: nn.Module | None = None,
    weight: Tensor | None = None,
    preprocessing: Preprocessing | None = None,
    report: Report | None = None,
) -> Fit:
    """Train a network in place, as its recipe says; the result is the averaged last weights.

    Checkpoints are written at the end of each epoch to `folder/state`. Where there is one, training
    goes on from it: a run that was killed repeats its unfinished epoch and ends with the weights of
    an unbroken one (on a CPU with as many threads: bit by bit).

    Args:
        training, validation: with images and labels of one size.
        folder: of the run; logs go to `folder/log`.
        teacher: logits that the recipe's distillation compares with; frozen here.
        weight: of each class in the loss, `(K,)`.

    Raises:
        InputError: fewer images than one batch, or a device that is not there.
    """
    section = recipe.training
    preprocessing = preprocessing or Preprocessing()
    count = len(training) // (section.batch_size * section.devices * section.nodes)
    if count == 0:
        raise InputError(
            f"training.batch_size: expected at most the {len(training)} images of "
            f"{training.name} {training.split}, found {section.batch_size} on each of "
            f"{section.devices * section.nodes} devices; take smaller batches or more images."
        )
    if section.channels_last:
        network.to(memory_format=torch.channels_last)
    module = Module(
        network, recipe, Objective(section, recipe.distillation, weight),
        steps_per_epoch=count, classes=len(training.classes), preprocessing=preprocessing,
        teacher=None if teacher is None else frozen(teacher),
    )  # fmt: skip
    state = folder / "state"
    last = state / "last.ckpt"
    resumed_at = _epochs_done(last)
    began = time.monotonic()
    with _quietly():
        trainer = _trainer(recipe, folder, state, report, count)
        if resumed_at < section.epochs:
            _run(trainer, module, recipe, training, validation, last if last.exists() else None)
        elif last.exists():  # killed between its last epoch and its results
            module.load_state_dict(_read(last)["state_dict"])
    network.to("cpu")
    network.to(memory_format=torch.contiguous_format)
    metrics = {name: float(value) for name, value in trainer.callback_metrics.items()}
    return Fit(
        epochs=section.epochs,
        steps=section.epochs * count,
        seconds=time.monotonic() - began,
        resumed_at=resumed_at,
        losses={name: value for name, value in metrics.items() if name.startswith("loss")},
        primary=trainer.is_global_zero,
    )


def training_loader(
    training: SegmentationDataset, recipe: Recipe, rank: int = 0, world: int = 1
) -> DataLoader[tuple[Tensor, Tensor]]:
    """Batches of augmented images uint8 `(N, 3, H, W)` and labels int64 `(N, H, W)`."""
    section = recipe.training
    workers = recipe.data.workers
    return DataLoader(
        TrainingSet(training, recipe.augmentation.build(), recipe.seed),
        batch_size=section.batch_size,
        sampler=EpochOrder(len(training), section.batch_size, recipe.seed, rank, world),
        num_workers=workers,
        persistent_workers=workers > 0,
        drop_last=True,
    )


# -- Lightning -------------------------------------------------------------------------------------


class _Batches(pl.LightningDataModule):
    """The loaders, made when Lightning knows which process this is."""

    def __init__(
        self, recipe: Recipe, training: SegmentationDataset, validation: SegmentationDataset | None
    ) -> None:
        super().__init__()
        self._recipe, self._training, self._validation = recipe, training, validation

    def train_dataloader(self) -> DataLoader[tuple[Tensor, Tensor]]:
        trainer = self.trainer
        rank, world = (trainer.global_rank, trainer.world_size) if trainer else (0, 1)
        return training_loader(self._training, self._recipe, rank, world)

    def val_dataloader(self) -> Any:
        if self._validation is None:
            return []
        dataset, trainer = self._validation, self.trainer
        rank, world = (trainer.global_rank, trainer.world_size) if trainer else (0, 1)
        part = range(rank, len(dataset), world)
        samples = [(dataset[index].image, dataset[index].label.long()) for index in part]
        return DataLoader(samples, batch_size=1)  # type: ignore[arg-type]


class _Told(Callback):
    """Passes progress on, a step at a time."""

    def __init__(self, report: Report, steps: int, epochs: int) -> None:
        self._report, self._steps, self._total = report, steps, steps * epochs

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Any,
        batch_idx: int,
    ) -> None:  # fmt: skip
        if trainer.is_global_zero:
            self._report("train", trainer.global_step, self._total)


def _trainer(
    recipe: Recipe, folder: Path, state: Path, report: Report | None, steps: int
) -> pl.Trainer:
    section = recipe.training
    callbacks: list[Callback] = [
        ModelCheckpoint(
            dirpath=state, filename="last", save_top_k=1, every_n_epochs=1,
            save_on_train_epoch_end=True, enable_version_counter=False,
        )
    ]  # fmt: skip
    if section.ema_decay:
        # First of all: what is logged and saved at an epoch's end are the averaged weights.
        callbacks.insert(0, EMAWeightAveraging(decay=section.ema_decay))
    if report is not None:
        callbacks.append(_Told(report, steps, section.epochs))
    loggers: list[Logger] = [CSVLogger(folder, name="log", version="")]
    loggers.append(TensorBoardLogger(folder, name="log", version=""))
    evaluated = section.evaluate_every
    return pl.Trainer(
        accelerator=section.accelerator,
        devices=section.devices,
        num_nodes=section.nodes,
        strategy=section.strategy,
        precision=section.precision,
        max_epochs=section.epochs,
        gradient_clip_val=section.gradient_clip or None,
        sync_batchnorm=section.devices * section.nodes > 1,
        use_distributed_sampler=False,  # EpochOrder does its own, as a pure function
        check_val_every_n_epoch=evaluated or None,
        limit_val_batches=None if evaluated else 0,
        num_sanity_val_steps=0,
        callbacks=callbacks,
        logger=loggers,
        enable_progress_bar=False,  # `report` has one, which also fits a log file
        enable_model_summary=False,
        deterministic="warn",
        benchmark=False,
    )


def _run(
    trainer: pl.Trainer,
    module: Module,
    recipe: Recipe,
    training: SegmentationDataset,
    validation: SegmentationDataset | None,
    checkpoint: Path | None,
) -> None:
    wanted = validation if recipe.training.evaluate_every else None
    batches = _Batches(recipe, training, wanted)
    trainer.fit(module, datamodule=batches, ckpt_path=checkpoint, weights_only=False)


def _epochs_done(checkpoint: Path) -> int:
    return int(_read(checkpoint)["epoch"]) + 1 if checkpoint.exists() else 0


def _read(checkpoint: Path) -> dict[str, Any]:
    """A checkpoint of this very run; it holds more than tensors, so never one of others."""
    content: dict[str, Any] = torch.load(checkpoint, map_location="cpu", weights_only=False)
    return content


@contextlib.contextmanager
def _quietly() -> Iterator[None]:
    """Without what Lightning tells at every start; its warnings and errors still come through."""
    loggers = [logging.getLogger(name) for name in ("pytorch_lightning", "lightning_fabric")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.WARNING)
    try:
        with warnings.catch_warnings():
            # Advice to Lightning's own developers, and about numbers of worker processes.
            warnings.filterwarnings("ignore", category=FutureWarning, module="pytorch_lightning")
            warnings.filterwarnings("ignore", message=".*does not have many workers.*")
            warnings.filterwarnings("ignore", message=".*smaller than the logging interval.*")
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
