"""The record of a sensitivity analysis: what each layer costs and loses, pruned alone."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

from segprune.records.environment import Environment
from segprune.records.io import LATER
from segprune.records.preprocessing import Preprocessing

__all__ = ["LayerSensitivity", "SensitivityRecord"]


@dataclass(frozen=True)
class LayerSensitivity:
    """One layer, or several that lose their channels together.

    Attributes:
        layers: their names.
        channels, kept: output channels of the first one, before and after.
        macs, params: share of the whole network's that goes with the removed channels.
        changed: share of pixels whose class changes; None where the output has no classes.
        error: mean square of the output's change over the mean square of the output, root of it.
    """

    layers: tuple[str, ...]
    channels: int
    kept: int
    macs: float
    params: float
    changed: float | None
    error: float


@dataclass(frozen=True)
class SensitivityRecord:
    """All layers of a network, least output error first.

    Attributes:
        keep: the share of its channels that each layer kept.
        weights, frames_digest, preprocessing, normalisation: as in `PruneRecord`.
        skipped: layers that cannot keep just this share, with the reason.
    """

    SCHEMA: ClassVar[str] = "segprune.sensitivity/1"

    command: tuple[str, ...]
    model: str
    input: tuple[int, ...]
    keep: float
    importance: str
    seed: int
    weights: str | None
    frames: int
    frames_digest: str | None
    network: str
    layers: tuple[LayerSensitivity, ...]
    skipped: tuple[str, ...]
    environment: Environment
    preprocessing: Preprocessing | None = field(default=None, metadata=LATER)
    normalisation: str = field(default="", metadata=LATER)
