"""The record of a baseline: networks, images, floors, figures, and how it was accepted."""

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
    "Size",
    "SizeFacts",
    "SpeedFacts",
    "Targets",
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
    """Scores, and the counts of every image.

    Attributes:
        score: of the pruned network.
        dense: of the dense network, or of the one that was trained on if that is better.
        per_image: by name: "target>prediction:count …" of the pruned network; the last column
            (as many as there are classes) counts predictions that are no class.
    """

    score: Score
    dense: Score
    per_image: Mapping[str, str]


@dataclass(frozen=True)
class SpeedFacts:
    """Speed, with every pair.

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
    """How a baseline came to be accepted.

    Attributes:
        segprune, torch: versions that wrote it.
        because: the reason; None where nothing was lowered.
        lowered: a sentence for each figure that was lowered.
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
class Targets:
    """Requirements on a pruned network that do not depend on the images.

    Attributes:
        rule: all criteria as text; two targets are equal if their texts are.
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
class Floors(Targets):
    """Targets, and the floors that follow from them on one set of images.

    Attributes:
        miou: the least mIoU, in [0, 1].
        class_iou: the least IoU by class; None where the dense network has none.
    """

    miou: float
    class_iou: Mapping[str, float | None]
