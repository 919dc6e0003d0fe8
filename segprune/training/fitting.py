"""Fit: from a network and a recipe to trained weights, resumed where an earlier attempt stopped."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from segprune.data.dataset import SegmentationDataset
from segprune.errors import InputError
from segprune.records.preprocessing import Preprocessing
from segprune.training.batches import Batches
from segprune.training.best import BestEpoch, read_best
from segprune.training.checkpoint import read_checkpoint
from segprune.training.devices import wants_channels_last
from segprune.training.logs import LOSS
from segprune.training.module import Module
from segprune.training.objective import Objective, frozen
from segprune.training.recipe import Recipe
from segprune.training.sections import TrainingSection
from segprune.training.trainer import CHECKPOINT, begin, build_trainer, preserve_process_settings

__all__ = ["Fit", "fit", "steps_per_epoch"]

_MOST_KEPT = 0.9

Report = Callable[[str, int, int], None]
"""Called with what is being done, how much of it is done, and how much there is."""


@dataclass(frozen=True)
class Fit:
    """The result of a training.

    Attributes:
        epochs, steps: in all, earlier attempts included; steps are the optimiser's.
        seconds: of this attempt alone.
        resumed_at: the epoch at which this attempt began; 0 for a fresh one.
        losses: the last epoch's mean of each term.
        best: the epoch that scored best of those that were evaluated; None where none was.
        primary: whether this process is the one that writes results.
    """

    epochs: int
    steps: int
    seconds: float
    resumed_at: int
    losses: dict[str, float]
    best: BestEpoch | None
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

    Checkpoints are written to `folder/state` at the end of every epoch, or of every
    `checkpoint_every`-th. Where there is one, training goes on from it: a run that was killed
    repeats what came after and ends with the weights of an unbroken one (on a CPU with as many
    threads: bit by bit). Processes on several machines need a folder that all of them see.

    Args:
        training, validation: with images and labels of one size.
        folder: of the run; logs go to `folder/log`.
        teacher: logits that the recipe's distillation compares with; frozen here.
        weight: of each class in the loss, `(K,)`.

    Raises:
        InputError: fewer images than one batch, nothing to train, a device that is not there, a
            loss that is not finite, or a checkpoint of another recipe.
        ArtifactError: a damaged checkpoint.
    """
    section = recipe.training
    steps = steps_per_epoch(training, recipe)
    _require_short_memory(section, section.epochs * steps)
    _require_something_to_train(network)
    watched = validation if section.evaluate_every else None
    _require_one_each(watched, section)
    last = folder / CHECKPOINT
    stop = read_checkpoint(last, recipe.digest())
    resumed_at = 0 if stop is None else stop.epochs
    channels_last = wants_channels_last(network, section)
    if channels_last:
        network.to(memory_format=torch.channels_last)
    preprocessing = preprocessing or Preprocessing()
    module = Module(
        network, recipe, Objective(section, recipe.distillation, weight),
        steps_per_epoch=steps, classes=len(training.classes), preprocessing=preprocessing,
        channels_last=channels_last, teacher=None if teacher is None else frozen(teacher),
    )  # fmt: skip
    began = time.monotonic()
    with preserve_process_settings():
        trainer = build_trainer(recipe, folder, report, steps, stop)
        if resumed_at < section.epochs:
            batches = Batches(recipe, training, watched, resumed_at)
            begin(trainer, module, batches, None if stop is None else last)
        elif stop is not None:  # killed between its last epoch and its results
            module.load_state_dict(stop.weights)
    network.to("cpu")
    network.to(memory_format=torch.contiguous_format)
    found = {name: float(value) for name, value in trainer.callback_metrics.items()}
    losses = {name: value for name, value in found.items() if name.startswith(LOSS)}
    return Fit(
        epochs=section.epochs,
        steps=section.epochs * steps,
        seconds=time.monotonic() - began,
        resumed_at=resumed_at,
        best=read_best(folder) if section.evaluate_every else None,
        losses=losses or dict({} if stop is None else stop.losses),
        primary=trainer.is_global_zero,
    )


def _require_short_memory(section: TrainingSection, steps: int) -> None:
    """Refuse averages that still hold most of the weights that the training began with."""
    kept = section.decay_over(steps) ** steps if steps else 0.0
    if kept > _MOST_KEPT:
        raise InputError(
            f"training.ema_decay: expected averages that forget the weights that training begins "
            f"with, found {section.ema_decay:g}, which after {steps} steps still holds "
            f"{kept:.0%} of them; leave it out, or give a lower one."
        )


def _require_one_each(watched: SegmentationDataset | None, section: TrainingSection) -> None:
    if watched is not None and len(watched) < section.processes:
        raise InputError(
            f"training.evaluate_every: expected an image of {watched.name} {watched.split} for "
            f"each of {section.processes} processes, found {len(watched)}; evaluate at the end "
            "alone (0), or take more images."
        )


def _require_something_to_train(network: nn.Module) -> None:
    if not any(parameter.requires_grad for parameter in network.parameters()):
        raise InputError(
            "network.model: expected parameters to train, found none that requires a gradient; "
            "call requires_grad_() on those that shall change."
        )


def steps_per_epoch(training: SegmentationDataset, recipe: Recipe) -> int:
    """Return the optimiser's steps in an epoch; incomplete batches are left out.

    Raises:
        InputError: fewer images than one batch on each device.
    """
    section = recipe.training
    steps = len(training) // (section.batch_size * section.processes)
    if steps == 0:
        raise InputError(
            f"training.batch_size: expected at most the {len(training)} images of "
            f"{training.name} {training.split}, found {section.batch_size} on each of "
            f"{section.processes} devices; take smaller batches or more images."
        )
    return steps
