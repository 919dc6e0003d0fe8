"""What stands in a baseline."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np

from segprune.errors import ArtifactError
from segprune.evaluation.metrics import ConfusionMatrix, Score
from segprune.gates.accuracy import Floors, Size
from segprune.records.io import LATER
from segprune.records.preprocessing import Preprocessing
from segprune.speed import SpeedComparison
from segprune.speed.fingerprint import Conditions, Fingerprint

__all__ = [
    "Acceptance",
    "AccuracyFacts",
    "Baseline",
    "DataFacts",
    "NetworkFacts",
    "SizeFacts",
    "SpeedFacts",
    "counts_as_text",
    "counts_from_text",
]


_MOST = 2**53
"""Pixels of one image; far more than there are, and far fewer than an int64 overflows at."""


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

    def matrix(self, classes: int, void: int) -> ConfusionMatrix:
        """The counts of every image.

        Raises:
            ArtifactError: they are no counts of so many classes.
        """
        return counts_from_text(self.per_image, classes, void)


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


def counts_as_text(matrix: ConfusionMatrix, names: tuple[str, ...]) -> dict[str, str]:
    """The counts of every image, a line of text each."""
    lines: dict[str, list[str]] = {name: [] for name in names}
    for image, target, prediction, count in matrix.entries.tolist():
        lines[names[image]].append(f"{target}>{prediction}:{count}")
    return {name: " ".join(cells) for name, cells in lines.items()}


def counts_from_text(
    per_image: Mapping[str, str], classes: int, void: int = 255
) -> ConfusionMatrix:
    """The reverse of `counts_as_text`.

    Raises:
        ArtifactError: a line that is none of counts; the image is named.
    """
    rows = []
    for image, (name, line) in enumerate(per_image.items()):
        for cell in line.split():
            try:
                target, _, rest = cell.partition(">")
                prediction, _, count = rest.partition(":")
                row = (image, int(target), int(prediction), int(count))
                if max(map(abs, row)) > _MOST:
                    raise ValueError
                rows.append(row)
            except ValueError as error:
                raise ArtifactError(
                    f"counts of {name}: expected target>prediction:count, found {cell!r}"
                ) from error
    entries = np.array(rows, dtype=np.int64).reshape(-1, 4)
    return ConfusionMatrix.from_entries(entries, len(per_image), classes, void)
