"""The record of a training or a recovery: recipe, scores of each stage, sizes and work."""

from __future__ import annotations

import importlib.metadata
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from segprune.records.environment import Environment
from segprune.records.io import LATER
from segprune.records.preprocessing import Preprocessing
from segprune.records.prune import FrozenGroup
from segprune.records.score import Score

__all__ = ["Best", "TrainingRecord", "Work", "package_versions"]

_PACKAGES = ("pytorch-lightning", "torchvision", "torchmetrics", "safetensors", "pydantic")


@dataclass(frozen=True)
class Work:
    """Duration, and the final losses.

    Attributes:
        steps: of the optimiser, in all.
        seconds: of the last attempt; `resumed_at` is the epoch at which that began.
        losses: mean of each term over the last epoch.
    """

    epochs: int
    steps: int
    seconds: float
    resumed_at: int
    losses: Mapping[str, float]


@dataclass(frozen=True)
class Best:
    """An earlier stage that scored better than the result, on the same images.

    Attributes:
        stage: as in the record's scores.
        file: its artefact, beside the result's; `artifact`: its digest.
    """

    stage: str
    file: str
    artifact: str


@dataclass(frozen=True)
class TrainingRecord:
    """A run as it is kept in `record.json`; digests are SHA-256.

    Attributes:
        recipe: resolved, as TOML, without folders.
        input: of the evaluated network, `(1, 3, H, W)`.
        source: digest of the file the weights came from, or of the digests of several; None for
            random weights.
        plan: digest of the plan from the dense network to the result.
        artifact: digest of the file that was written, and that "result" scores.
        dense_params, dense_macs, params, macs: of inference, of the dense network and the result.
        scores: by stage: "start", "teacher", "pruned", "recalibrated", "epoch 12" (the best that
            was evaluated on the way, unless it is the last), "trained" (before statistics are
            measured at the end), "result".
        preprocessing: how images are prepared; `normalisation`: the source of these values. None
            and "" in files of earlier versions, which always used ImageNet's.
        warnings: sentences about what did not fit, was doubtful, or came out worse than before.
        best: a stage that is better than the result, and is kept; None: there is none.
        free_share, frozen, unreached: of the dense network, as in `PruneRecord`; None and empty
            where this run did not prune.
        promises: descriptions of the targets; broken: reasons why they are missed. Speed is not
            judged.
        network: short name of the network, such as "icnet"; data: name of the data set; variant:
            what distinguishes the run from others of both, such as "macs50"; recipe_digest: of the
            recipe without what differs from seed to seed. "" where the file does not state them:
            then `segprune.records.run_facts` finds them when a collection is read.
    """

    SCHEMA: ClassVar[str] = "segprune.training/1"

    command: tuple[str, ...]
    name: str
    seed: int
    recipe: str
    classes: tuple[str, ...]
    input: tuple[int, ...]
    training_images: int
    validation_images: int
    validation_digest: str
    source: str | None
    plan: str
    artifact: str
    artifact_bytes: int
    dense_params: int
    dense_macs: int
    params: int
    macs: int
    scores: Mapping[str, Score]
    work: Work
    packages: Mapping[str, str]
    environment: Environment
    preprocessing: Preprocessing | None = field(default=None, metadata=LATER)
    normalisation: str = field(default="", metadata=LATER)
    warnings: tuple[str, ...] = field(default=(), metadata=LATER)
    best: Best | None = field(default=None, metadata=LATER)
    promises: tuple[str, ...] = field(default=(), metadata=LATER)
    broken: tuple[str, ...] = field(default=(), metadata=LATER)
    free_share: float | None = field(default=None, metadata=LATER)
    frozen: tuple[FrozenGroup, ...] = field(default=(), metadata=LATER)
    unreached: tuple[str, ...] = field(default=(), metadata=LATER)
    network: str = field(default="", metadata=LATER)
    data: str = field(default="", metadata=LATER)
    variant: str = field(default="", metadata=LATER)
    recipe_digest: str = field(default="", metadata=LATER)

    @property
    def sections(self) -> dict[str, Any]:
        """The recipe as plain values."""
        return tomllib.loads(self.recipe)


def package_versions() -> dict[str, str]:
    """Versions of what took part beside torch, where installed."""
    found = {}
    for name in _PACKAGES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found
