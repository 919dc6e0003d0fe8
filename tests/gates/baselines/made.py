"""A small baseline whose figures follow from its counts and pairs."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from segprune.evaluation.metrics import ConfusionMatrix
from segprune.gates.accuracy import floors_of
from segprune.gates.baselines.counts import counts_as_text
from segprune.gates.criteria import Criteria
from segprune.gates.policy import Budget
from segprune.records.baseline import (
    AccuracyFacts,
    Baseline,
    DataFacts,
    NetworkFacts,
    Size,
    SizeFacts,
    SpeedFacts,
)
from segprune.records.preprocessing import Preprocessing
from segprune.records.score import Score
from segprune.speed import Pair, summarise
from segprune.speed.comparison import SEQUENTIAL_CONFIDENCE
from segprune.speed.fingerprint import conditions, fingerprint
from segprune.speed.statistics import LOOKS

CLASSES = ("road", "car")
TERMS = Criteria(Budget("half", miou_loss=30.0, class_loss=30.0, speedup=1.2))
DENSE = Size(1000, 2000, 5000)
PIXELS = 1_000_000  # pixels of each class: one pixel is a millionth


def counts(road: int, car: int) -> ConfusionMatrix:
    """Count one image: so many pixels of each class are right, all others show the other class."""
    rows = [
        (0, 0, 0, road), (0, 0, 1, PIXELS - road), (0, 1, 0, PIXELS - car), (0, 1, 1, car),
    ]  # fmt: skip
    found = np.array([row for row in rows if row[3]], dtype=np.int64)
    return ConfusionMatrix.from_entries(found, 1, len(CLASSES))


def baseline(
    road: int = 900_000, car: int = 900_000, dense: float = 0.95, ratio: float = 1.5,
    activation_bytes: int = 3000, **network: str,
) -> Baseline:  # fmt: skip
    """Make a case that is not accepted yet; both of its dense class IoUs are `dense`."""
    matrix = counts(road, car)
    dense_score = Score(dense, (dense, dense), 0.97, 1)
    look = LOOKS[0]
    pairs = [Pair(ratio * (1 + 0.02 * (n % 5 - 2) / 2), 1.0, n % 2 == 0) for n in range(look.pairs)]
    speed = summarise(
        pairs, SEQUENTIAL_CONFIDENCE, batch=1, threads=1, device="cpu",
        at_this_look=1 - look.error,
    )  # fmt: skip
    here = fingerprint(threads=1, input=(1, 3, 8, 8), memory_format="contiguous", device="cpu")
    return Baseline(
        case="half",
        network=NetworkFacts(
            **{"network": "Net", "artifact": "half.safetensors", "artifact_digest": "a" * 64,
               "plan": "b" * 64, "dense_weights": "c" * 64, **network},
        ),
        data=DataFacts("streets", "val", 1, "d" * 64, CLASSES, 255, Preprocessing()),
        floors=floors_of(TERMS, CLASSES, dense_score, DENSE),
        size=SizeFacts((1, 3, 8, 8), Size(400, 900, activation_bytes), DENSE),
        accuracy=AccuracyFacts(matrix.score(), dense_score, counts_as_text(matrix, ("one",))),
        speed=SpeedFacts((1, 3, 8, 8), speed, here, here.digest, conditions()),
        accepted=(),
    )  # fmt: skip


def with_size(found: Baseline, **sizes: int) -> Baseline:
    """Return the same case with other counts of the pruned network."""
    pruned = dataclasses.replace(found.size.pruned, **sizes)
    return dataclasses.replace(found, size=dataclasses.replace(found.size, pruned=pruned))


def without_best(content: dict[str, Any]) -> dict[str, Any]:
    """Return the file as an older version would have written it."""
    return {name: value for name, value in content.items() if name != "best"}
