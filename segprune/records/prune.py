"""The record of `segprune prune`: sizes before and after, speed, digests and environment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

from segprune.records.environment import Environment
from segprune.records.io import LATER
from segprune.records.preprocessing import Preprocessing
from segprune.records.speed import SpeedComparison

if TYPE_CHECKING:
    from segprune.core.tracing.graph import ChannelGraph

__all__ = ["FrozenGroup", "PruneRecord", "Size", "frozen_groups"]


@dataclass(frozen=True)
class Size:
    """Size of a network.

    Attributes:
        params, macs: of inference, for one image.
        activation_bytes: bytes that operators write, for one image.
        file_bytes: bytes of its file; 0 where no file is meant, as in a baseline.
    """

    params: int
    macs: int
    activation_bytes: int
    file_bytes: int = field(default=0, metadata=LATER)


@dataclass(frozen=True)
class FrozenGroup:
    """Channels that had to stay, and why; as `segprune.core.tracing.graph.Frozen`."""

    layers: tuple[str, ...]
    channels: int
    reason: str
    source: str | None


def frozen_groups(graph: ChannelGraph) -> tuple[FrozenGroup, ...]:
    """Return the channels of a traced network that must stay, for a record."""
    return tuple(
        FrozenGroup(group.layers, group.channels, group.reason, group.source)
        for group in graph.frozen
    )


@dataclass(frozen=True)
class PruneRecord:
    """A run, as it is kept in `record.json`; digests are SHA-256.

    Attributes:
        weights: digest of the file of dense weights; None if there was none.
        frames, frames_digest: how many images were read, and their digest; 0 and None without.
        network: digest of the dense network's names and shapes.
        plan, artifact: digests of the plan and of the artefact's file.
        widths: how many layers are narrower, and how many of these widths are multiples of 8.
        depthwise: how many of the convolutions are depthwise, and how many convolutions there are.
        free_share: share of the hidden channels that may go.
        difference: largest difference to the masked twin's output on the example, relative to the
            largest output.
        violations: what verification found; empty in every record that is written by `run_prune`.
        pairs, max_seconds: the requested number of pairs of calls, and the time limit; 0 in files
            of earlier versions.
        reached, nearest_above: where no choice of channels comes within 1 % of the budget, the
            share that stays and the nearest reachable one above; else empty.
        missed_shares: layers that keep another share of their channels than was requested.
        preprocessing, normalisation: how images are prepared, and the source of these values;
            None and "" without images.
        mious: mIoU of the "dense" and the "pruned" network on the frames, at the size of the input,
            before any recovery; empty where no labels were read.
    """

    SCHEMA: ClassVar[str] = "segprune.prune/2"

    command: tuple[str, ...]
    model: str
    input: tuple[int, ...]
    budget: Mapping[str, float]
    scope: str
    shares: Mapping[str, float]
    importance: str
    round_to: int
    ignore: tuple[str, ...]
    seed: int
    deploy: bool
    half: bool
    weights: str | None
    frames: int
    frames_digest: str | None
    network: str
    plan: str
    artifact: str
    dense: Size
    pruned: Size
    widths: tuple[int, ...]
    depthwise: tuple[int, ...]
    free_share: float
    frozen: tuple[FrozenGroup, ...]
    unreached: tuple[str, ...]
    difference: float
    violations: tuple[str, ...]
    speed: SpeedComparison | None
    environment: Environment
    pairs: int = field(default=0, metadata=LATER)
    max_seconds: float = field(default=0.0, metadata=LATER)
    reached: Mapping[str, float] = field(default_factory=dict, metadata=LATER)
    nearest_above: Mapping[str, float] = field(default_factory=dict, metadata=LATER)
    missed_shares: Mapping[str, Mapping[str, float]] = field(default_factory=dict, metadata=LATER)
    preprocessing: Preprocessing | None = field(default=None, metadata=LATER)
    normalisation: str = field(default="", metadata=LATER)
    mious: Mapping[str, float] = field(default_factory=dict, metadata=LATER)
