"""The record of `segprune predict`: the networks, and the figures of each picture."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

from segprune.records.io import LATER
from segprune.records.preprocessing import Preprocessing

__all__ = ["Pictured", "PredictRecord", "Shown"]


@dataclass(frozen=True)
class Shown:
    """A network that was shown: the digest of its file, and its parameters and MACs of inference.

    Attributes:
        preprocessing: how its images are prepared; `normalisation`: the source of these values.
    """

    name: str
    digest: str
    params: int
    macs: int
    preprocessing: Preprocessing | None = field(default=None, metadata=LATER)
    normalisation: str = field(default="", metadata=LATER)


@dataclass(frozen=True)
class Pictured:
    """One picture; shares in [0, 1].

    Attributes:
        miou, dense_miou: over the classes of this picture alone; None without a label, or without
            a dense network.
        changed: share of pixels in which the two networks differ.
    """

    name: str
    miou: float | None
    dense_miou: float | None
    changed: float | None


@dataclass(frozen=True)
class PredictRecord:
    """Pictures as they are kept in `record.json`."""

    SCHEMA: ClassVar[str] = "segprune.predict/1"

    command: tuple[str, ...]
    source: str
    classes: tuple[str, ...]
    network: Shown
    dense: Shown | None
    pictures: tuple[Pictured, ...]
