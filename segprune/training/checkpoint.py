"""Checkpoints of a run, which appear whole or not at all, and which only the run itself reads."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from pytorch_lightning.plugins.io import TorchCheckpointIO
from torch import Tensor

from segprune.errors import ArtifactError, InputError
from segprune.records.io import write_atomic

__all__ = [
    "Stop", "WholeCheckpoints", "named_if_damaged", "note", "read_checkpoint", "write_whole",
]  # fmt: skip

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
        write_whole(Path(path), checkpoint)


def write_whole(path: Path, content: Mapping[str, Any]) -> None:
    """Write a file of torch that appears whole or not at all."""
    stream = io.BytesIO()
    torch.save(content, stream)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomic(path, stream.getvalue())


@contextlib.contextmanager
def named_if_damaged(path: Path, expected: str, remedy: str) -> Iterator[None]:
    """Raise ArtifactError in place of whatever reading a damaged file raises."""
    try:
        yield
    except Exception as error:  # torch.load raises almost anything on bytes that are none of its
        raise ArtifactError(
            f"{path}: expected {expected}, found {type(error).__name__}: {error}; remove this file "
            f"to {remedy}."
        ) from error


@dataclass(frozen=True)
class Stop:
    """The end of an epoch, at which an attempt of a training stopped.

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
    """Add the digest of the recipe and the losses of the last epoch to a checkpoint.

    Args:
        recipe: digest of the recipe.
    """
    checkpoint[_KEY] = {"recipe": recipe, "losses": dict(losses)}


def read_checkpoint(path: Path, recipe: str) -> Stop | None:
    """Return where a run stopped, or None where it has no checkpoint yet.

    Args:
        recipe: digest of the run's recipe.

    Raises:
        ArtifactError: the file is damaged.
        InputError: it is of another recipe.
    """
    if not path.exists():
        return None
    with named_if_damaged(path, "a checkpoint of this run", "begin the training anew"):
        content = torch.load(path, map_location="cpu", weights_only=True)
        own, epoch, steps = content[_KEY], content["epoch"], content["global_step"]
        stop = Stop(int(epoch) + 1, int(steps), dict(own["losses"]), content["state_dict"])
    if own["recipe"] != recipe:
        raise InputError(
            f"{path}: expected a checkpoint of this recipe, found one of another "
            f"({own['recipe'][:12]}, not {recipe[:12]}); remove this file to begin anew."
        )
    return stop
