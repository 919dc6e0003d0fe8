"""Set up Lightning: devices, logs, checkpoints and averages; and undo its global settings."""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from lightning_fabric.utilities.exceptions import MisconfigurationException
from pytorch_lightning.callbacks import Callback, ModelCheckpoint

from segprune.core.state.process import preserve_generators
from segprune.errors import InputError
from segprune.training.averaging import moving_average
from segprune.training.batches import unwrap_worker_errors
from segprune.training.best import KeepBest
from segprune.training.checkpoint import Stop, WholeCheckpoints
from segprune.training.devices import working_device
from segprune.training.logs import open_logs
from segprune.training.recipe import Recipe
from segprune.training.sections import TrainingSection

__all__ = ["CHECKPOINT", "begin", "build_trainer", "preserve_process_settings"]

CHECKPOINT = Path("state", "last.ckpt")
"""Within the folder of a run."""


def build_trainer(
    recipe: Recipe,
    folder: Path,
    report: Callable[[str, int, int], None] | None,
    steps_per_epoch: int,
    stop: Stop | None,
) -> pl.Trainer:
    """Build a trainer that writes to the folder of a run, and reports every step.

    Args:
        stop: of the attempt before this one.

    Raises:
        InputError: a device, strategy or precision that this machine does not have.
    """
    section = recipe.training
    _require_processes(section)
    on_cpu = working_device(section).type == "cpu"
    if on_cpu and section.precision == "16-mixed":
        raise InputError(  # Lightning would take bfloat16, and the record would say float16
            "training.precision: expected one that a CPU computes with, found 16-mixed; take "
            "bf16-mixed or 32-true."
        )
    callbacks: list[Callback] = [
        ModelCheckpoint(
            dirpath=folder / CHECKPOINT.parent, filename=CHECKPOINT.stem, save_top_k=1,
            every_n_epochs=section.checkpoint_every, save_on_train_epoch_end=True,
            enable_version_counter=False,
        )
    ]  # fmt: skip
    decay = section.decay_over(steps_per_epoch * section.epochs)
    if decay:
        # First of all: what is logged and saved at an epoch's end are the averaged weights.
        callbacks.insert(0, moving_average(decay))
    if section.evaluate_every:
        callbacks.append(KeepBest(folder))
    if report is not None:
        callbacks.append(_ReportSteps(report, steps_per_epoch * section.epochs))
    try:
        return pl.Trainer(
            accelerator=section.accelerator,
            devices=section.devices,
            num_nodes=section.nodes,
            strategy=section.strategy,
            precision=section.precision,
            max_epochs=section.epochs,
            gradient_clip_val=section.gradient_clip or None,
            # On CPUs each process counts its own, and those of the first one are kept.
            sync_batchnorm=section.processes > 1 and not on_cpu,
            use_distributed_sampler=False,  # EpochOrder does its own, as a pure function
            check_val_every_n_epoch=max(section.evaluate_every, 1),
            limit_val_batches=None if section.evaluate_every else 0,
            num_sanity_val_steps=0,
            callbacks=callbacks,
            plugins=[WholeCheckpoints()],
            logger=open_logs(folder, stop),
            enable_progress_bar=False,  # `report` has one, which also fits a log file
            enable_model_summary=False,
            # A GPU adds up gradients in any order: some kernels know no other, and the others'
            # repeatable kind makes a step several times as long, with no repeatable run for it.
            deterministic="warn" if on_cpu else False,
            benchmark=False,
        )
    except (MisconfigurationException, ValueError, RuntimeError, ImportError) as error:
        raise InputError(
            "training.accelerator, devices, strategy, precision: expected what this machine has, "
            f"found {section.accelerator}, {section.devices}, {section.strategy}, "
            f"{section.precision}: {error}"
        ) from error


def _require_processes(section: TrainingSection) -> None:
    """Lightning starts those of this machine, and would wait half an hour for the others."""
    known = {"MASTER_ADDR", "SLURM_NTASKS", "TORCHELASTIC_RUN_ID", "LSB_JOBID", "KUBERNETES_PORT"}
    if section.nodes > 1 and not known & os.environ.keys():
        raise InputError(
            f"training.nodes: expected to be started on each of {section.nodes} machines, by "
            "torchrun, SLURM or with MASTER_ADDR and NODE_RANK, found no sign of any; start it "
            "so, or leave nodes out."
        )


def begin(
    trainer: pl.Trainer,
    module: pl.LightningModule,
    batches: pl.LightningDataModule,
    checkpoint: Path | None,
) -> None:
    """Train, from a checkpoint where there is one.

    Raises:
        InputError: batches of one image for a network that cannot be trained with them.
        KeyboardInterrupt: as anywhere; of itself Lightning would end the process with status 1.
    """
    handler = signal.getsignal(signal.SIGINT)
    try:
        with unwrap_worker_errors():
            trainer.fit(module, datamodule=batches, ckpt_path=checkpoint, weights_only=True)
    except SystemExit as error:
        if isinstance(error.__context__, KeyboardInterrupt):
            signal.signal(signal.SIGINT, handler)
            raise KeyboardInterrupt from None
        raise


@contextlib.contextmanager
def preserve_process_settings() -> Iterator[None]:
    """Restore what a training sets for the whole process, and silence Lightning's advice.

    Its warnings and errors still come through.
    """
    loggers = [logging.getLogger(name) for name in ("pytorch_lightning", "lightning_fabric")]
    levels = [logger.level for logger in loggers]
    algorithms = torch.are_deterministic_algorithms_enabled()
    warn_only = torch.is_deterministic_algorithms_warn_only_enabled()
    cudnn = torch.backends.cudnn.deterministic, torch.backends.cudnn.benchmark
    memory: Any = torch.utils.deterministic
    filled = memory.fill_uninitialized_memory
    # Where algorithms are deterministic torch fills all that it allocates, for programs that read
    # what they did not write: a tenth to a fifth of a step on a CPU.
    memory.fill_uninitialized_memory = False
    for logger in loggers:
        logger.setLevel(logging.WARNING)
    try:
        with warnings.catch_warnings(), preserve_generators():
            # Advice to Lightning's own developers, about numbers of worker processes, and about
            # a folder that is taken up again.
            warnings.filterwarnings("ignore", category=FutureWarning, module="pytorch_lightning")
            warnings.filterwarnings("ignore", message=".*does not have many workers.*")
            warnings.filterwarnings("ignore", message=".*smaller than the logging interval.*")
            warnings.filterwarnings("ignore", message=".*exists and is not empty.*")
            # Says so where states are saved more or less often than before.
            warnings.filterwarnings("ignore", message=".*callbacks used to create the checkpoint.*")
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
        torch.use_deterministic_algorithms(algorithms, warn_only=warn_only)
        torch.backends.cudnn.deterministic, torch.backends.cudnn.benchmark = cudnn
        memory.fill_uninitialized_memory = filled


class _ReportSteps(Callback):
    """Reports each step of the optimiser."""

    def __init__(self, report: Callable[[str, int, int], None], total: int) -> None:
        self._report, self._total = report, total

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Any,
        batch_idx: int,
    ) -> None:  # fmt: skip
        if trainer.is_global_zero:
            self._report("train", trainer.global_step, self._total)
