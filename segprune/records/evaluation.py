"""The record of an evaluation: the score, and the digest of the counts of every image."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from segprune.records.environment import Environment
from segprune.records.io import LATER
from segprune.records.preprocessing import Preprocessing
from segprune.records.score import Score

__all__ = ["MATRICES", "RECORD", "EvaluationRecord"]

MATRICES, RECORD = "matrices.npz", "evaluation.json"


@dataclass(frozen=True)
class EvaluationRecord:
    """An evaluation as it is kept in `evaluation.json`; digests are SHA-256.

    Attributes:
        model: class of the network.
        artifact, plan: digests of the artefact's file and of its plan; None without an artefact.
        weights: digest of the file of weights; None if there was none.
        images_digest: of images and labels, as `SegmentationDataset.digest`.
        preprocessing: of the images; size None: as they are stored.
        predictions: digest of the predicted classes of all images (uint8), in order.
        normalisation: the source of mean, deviation and range in `preprocessing`.
        matrices: digest of `matrices.npz`, which `read_matrices` reads.
    """

    SCHEMA: ClassVar[str] = "segprune.evaluation/1"

    command: tuple[str, ...]
    model: str
    artifact: str | None
    plan: str | None
    weights: str | None
    data: str
    split: str
    images_digest: str
    classes: tuple[str, ...]
    preprocessing: Preprocessing
    score: Score
    predictions: str
    matrices: str
    device: str
    packages: Mapping[str, str]
    environment: Environment
    normalisation: str = field(default="", metadata=LATER)
