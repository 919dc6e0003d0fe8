"""Checkpoints of a run: written whole or not at all, and read by nobody but the run itself."""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from pytorch_lightning.plugins.io import TorchCheckpointIO
from torch import Tensor

from segprune.errors import ArtifactError, InputError
from segprune.records.io import write_atomic

__all__ = ["Stop", "WholeCheckpoints", "note", "read_checkpoint"]

_KEY = "segprune"


class WholeCheckpoints(TorchCheckpointIO):
    """Lightning's checkpoints, moved to their names only once they lie on the same disk.

    Its own are written to the system's temporary folder, and copied where that is another disk: a
    run killed then is left with half a checkpoint.
    """

    def save_checkpoint(
        self, checkpoint: dict[str, Any], path: str | Path, storage_options: Any | None = None
    ) -> None:
        del storage_options
        content = io.BytesIO()
        torch.save(checkpoint, content)
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        write_atomic(Path(path), content.getvalue())


@dataclass(frozen=True)
class Stop:
    """Where an attempt of a training stopped: at the end of an epoch.

    Attributes:
        epochs, steps: that are done.
        losses: the last epoch's mean of each term.
        weights: as they are evaluated: averaged, if the recipe averages.
    """

    epochs: int
    steps: int
    losses: Mapping[str, float]
    weights: Mapping[str, Tensor]


def note(checkpoint: dict[str, Any], recipe: str, losses: Mapping[str, float]) -> None:
    """Add to a checkpoint whose it is, and how well its last epoch did.

    Args:
        recipe: digest of the recipe.
    """
    checkpoint[_KEY] = {"recipe": recipe, "losses": dict(losses)}


def read_checkpoint(path: Path, recipe: str) -> Stop | None:
    """Where a run stopped, or None where it has no checkpoint yet.

    Args:
        recipe: digest of the run's recipe.

    Raises:
        ArtifactError: the file is damaged.
        InputError: it is of another recipe.
    """
    if not path.exists():
        return None
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
        own, epoch, steps = content[_KEY], content["epoch"], content["global_step"]
        stop = Stop(int(epoch) + 1, int(steps), dict(own["losses"]), content["state_dict"])
    except Exception as error:  # torch.load raises almost anything on bytes that are none of its
        raise ArtifactError(
            f"{path}: expected a checkpoint of this run, found {type(error).__name__}: {error}; "
            "remove this file to begin the training anew."
        ) from error
    if own["recipe"] != recipe:
        raise InputError(
            f"{path}: expected a checkpoint of this recipe, found one of another "
            f"({own['recipe'][:12]}, not {recipe[:12]}); remove this file to begin anew."
        )
    return stop
