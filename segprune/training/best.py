"""The best epoch of a training that is evaluated as it runs, kept beside its last state."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import Callback
from torch import Tensor

from segprune.training.checkpoint import named_if_damaged, write_whole

__all__ = ["BestEpoch", "KeepBest", "read_best"]

_FILE = Path("state", "best.ckpt")
"""The file's path within the folder of a run."""


@dataclass(frozen=True)
class BestEpoch:
    """The network at the end of the epoch that scored best.

    Attributes:
        epoch: from 1.
        miou: in [0, 1].
        weights: as they were evaluated: averaged, if the recipe averages.
    """

    epoch: int
    miou: float
    weights: Mapping[str, Tensor]


class KeepBest(Callback):
    """Writes the weights of an evaluated epoch that scores better than all before it.

    It comes after the callback that averages, so that it sees the weights that are evaluated.

    Args:
        folder: of the run.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._weights: dict[str, Tensor] = {}

    def on_validation_epoch_start(self, trainer: pl.Trainer, pl_module: Any) -> None:
        if trainer.is_global_zero:
            state = pl_module.network.state_dict()
            self._weights = {
                name: value.detach().to("cpu", copy=True).contiguous()
                for name, value in state.items()
            }

    def on_validation_end(self, trainer: pl.Trainer, pl_module: Any) -> None:
        if not trainer.is_global_zero:
            return
        miou, known = float(trainer.callback_metrics["miou"]), read_best(self._folder)
        # A resumed run repeats epochs: the first of equals stays, and is the same again.
        if known is None or miou > known.miou:
            epoch = trainer.current_epoch + 1
            content = {"epoch": epoch, "miou": miou, "weights": self._weights}
            write_whole(self._folder / _FILE, content)
        self._weights = {}


def read_best(folder: Path) -> BestEpoch | None:
    """Return the best epoch of the run in a folder, or None where none was evaluated.

    Raises:
        ArtifactError: the file is damaged.
    """
    path = folder / _FILE
    if not path.exists():
        return None
    with named_if_damaged(path, "the best epoch of this run", "go on without it"):
        content = torch.load(path, map_location="cpu", weights_only=True)
        return BestEpoch(int(content["epoch"]), float(content["miou"]), content["weights"])
