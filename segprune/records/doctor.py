"""What `segprune doctor` collects for a bug report: versions, processor, and a trace in numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from segprune.records.environment import Environment
from segprune.records.prune import FrozenGroup

__all__ = ["DoctorRecord", "TraceFindings"]


@dataclass(frozen=True)
class TraceFindings:
    """What a trace says of a network; no weights, no images.

    Attributes:
        model: a built-in network's name, or `package.module:factory`.
        input: size of the example, `(N, C, H, W)`.
        network: digest of the network's names and shapes; "" where it was not built.
        layers, channels: convolutions and linear layers that were reached, and their channels.
        params, macs: of inference, for one image.
        free_share: share of the hidden channels that may go.
        frozen: channels that must stay, and why.
        unreached: parameters that no run reads.
        untraced: methods that do not run, each with its error.
        needs_data: why the network was run on real tensors; "" where it ran without data.
        error: why there is no trace; "" where there is one.
    """

    model: str
    input: tuple[int, ...]
    network: str = ""
    layers: int = 0
    channels: int = 0
    params: int = 0
    macs: int = 0
    free_share: float = 0.0
    frozen: tuple[FrozenGroup, ...] = ()
    unreached: tuple[str, ...] = ()
    untraced: Mapping[str, str] = field(default_factory=dict)
    needs_data: str = ""
    error: str = ""


@dataclass(frozen=True)
class DoctorRecord:
    """A report to attach to an issue.

    Attributes:
        packages: versions of the packages that segprune can use; "missing" where one is not
            installed.
        trace: of the network that was named, or None.
    """

    SCHEMA: ClassVar[str] = "segprune.doctor/1"

    environment: Environment
    packages: Mapping[str, str]
    trace: TraceFindings | None
