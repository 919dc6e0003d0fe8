"""What stands in a baseline."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from segprune.records.environment import Conditions, Fingerprint
from segprune.records.io import LATER
from segprune.records.preprocessing import Preprocessing
from segprune.records.prune import Size
from segprune.records.score import Score
from segprune.records.speed import SpeedComparison

__all__ = [
    "Acceptance",
    "AccuracyFacts",
    "Baseline",
    "DataFacts",
    "Floors",
    "NetworkFacts",
    "Promise",
    "Size",
    "SizeFacts",
    "SpeedFacts",
]


@dataclass(frozen=True)
class NetworkFacts:
    """Which networks; digests are SHA-256.

    Attributes:
        network: class of the pruned network.
        artifact: its file's name; `artifact_digest`: of the file.
        plan: digest of the plan from the dense network.
        dense_weights: digest over the names, shapes and bytes of the dense network's tensors.
    """

    network: str
    artifact: str
    artifact_digest: str
    plan: str
    dense_weights: str


@dataclass(frozen=True)
class DataFacts:
    """Which images.

    Attributes:
        digest: over names, images and labels, in order.
        classes: the class map: index by place.
        void: the label that counts nowhere.
        preprocessing: of the images; size None: as they are stored.
        sequences: a description of what counts as a sequence; "" in files of older versions.
    """

    name: str
    split: str
    images: int
    digest: str
    classes: tuple[str, ...]
    void: int
    preprocessing: Preprocessing
    sequences: str = field(default="", metadata=LATER)


@dataclass(frozen=True)
class SizeFacts:
    """Of the pruned and of the dense network, for one image of the size `input`."""

    input: tuple[int, ...]
    pruned: Size
    dense: Size


@dataclass(frozen=True)
class AccuracyFacts:
    """How well it segments.

    Attributes:
        score: of the pruned network.
        dense: of the dense one – the better of it and of the one that was trained on.
        per_image: by name: "target>prediction:count …" of the pruned network; the last column
            (as many as there are classes) counts predictions that are no class.
    """

    score: Score
    dense: Score
    per_image: Mapping[str, str]


@dataclass(frozen=True)
class SpeedFacts:
    """How fast it was, with every pair.

    Attributes:
        input: `(N, C, H, W)` of one call.
        fingerprint: of the machine; `fingerprint_digest` of that.
    """

    input: tuple[int, ...]
    comparison: SpeedComparison
    fingerprint: Fingerprint
    fingerprint_digest: str
    conditions: Conditions


@dataclass(frozen=True)
class Acceptance:
    """When and why a baseline was written.

    Attributes:
        segprune, torch: versions that wrote it.
        because: what was given as the reason; None where nothing was lowered.
        lowered: what was, a sentence each.
    """

    segprune: str
    torch: str
    because: str | None
    lowered: tuple[str, ...]


@dataclass(frozen=True)
class Baseline:
    """A case as it was accepted. `accepted` grows by one entry each time, the newest last.

    Attributes:
        best: the best accepted figures by name, since a worse one was last accepted with a reason
            (`segprune.gates.baselines.best`); None in files of older versions: their own figures
            count.
    """

    SCHEMA: ClassVar[str] = "segprune.baseline/2"

    case: str
    network: NetworkFacts
    data: DataFacts
    floors: Floors
    size: SizeFacts
    accuracy: AccuracyFacts
    speed: SpeedFacts
    accepted: tuple[Acceptance, ...]
    best: Mapping[str, float] | None = field(default=None, metadata=LATER)


@dataclass(frozen=True)
class Promise:
    """Requirements on a pruned network that do not depend on the images.

    Attributes:
        rule: the whole promise as text; two promises are equal if their texts are.
        miou_ratio: the least share of the dense network's mIoU.
        most_macs, most_params: the largest numbers allowed; None: no limit.
        speedup: the least lower end of the speed-up's interval.
    """

    rule: str
    miou_ratio: float
    most_macs: int | None
    most_params: int | None
    speedup: float


@dataclass(frozen=True)
class Floors(Promise):
    """A promise, and the floors that follow from it on one set of images.

    Attributes:
        miou: the least mIoU, in [0, 1].
        class_iou: the least IoU by class; None where the dense network has none.
    """

    miou: float
    class_iou: Mapping[str, float | None]
