"""The thresholds of the gates, tested on both sides, and the floors that follow from a policy."""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gates.baselines.made import CLASSES, DENSE, TERMS, baseline
from reporting.records import training
from segprune.errors import InputError
from segprune.evaluation.evaluate import Evaluation
from segprune.evaluation.metrics import ConfusionMatrix
from segprune.gates.accuracy import floors_of
from segprune.gates.verdict import Status
from segprune.pytest_plugin.baseline_match import same_floors
from segprune.pytest_plugin.case_data import CaseData
from segprune.pytest_plugin.gate_speed import _not_above
from segprune.records.baseline import Floors
from segprune.records.io import write_record
from segprune.records.score import Score
from segprune.speed import Pair, SpeedComparison, summarise

SPEED = summarise(
    [Pair(1.0, 1.0, n % 2 == 0) for n in range(40)], 0.95, batch=1, threads=1, device="cpu"
)


def interval(low: float, high: float) -> SpeedComparison:
    return dataclasses.replace(SPEED, low=low, high=high, speedup=math.sqrt(low * high))


# ---------------------------------------------------------------- speed


@pytest.mark.parametrize(
    ("low", "status"), [(1.29, Status.PASS), (1.31, Status.FAIL), (1.7, Status.FAIL)]
)
def test_a_ratio_far_above_the_baseline_s_is_that_of_a_slowed_dense_network(
    low: float, status: Status
) -> None:
    then = interval(1.5, 2.0)
    assert _not_above(interval(low * 2.0, low * 2.1), then).status is status


# ---------------------------------------------------------------- floors


def floors(miou: float, car: float = 0.65) -> Floors:
    made = floors_of(TERMS, CLASSES, Score(0.95, (0.95, 0.95), 0.97, 1), DENSE)
    return dataclasses.replace(made, miou=miou, class_iou={**made.class_iou, "car": car})


@pytest.mark.parametrize(
    ("moved", "same"), [(0.0, True), (9e-5, True), (-9e-5, True), (1.1e-4, False), (-5e-3, False)]
)
def test_floors_are_the_baseline_s_within_a_hundredth_of_a_point(moved: float, same: bool) -> None:
    accepted = baseline()
    dense = accepted.accuracy.dense
    for now, score in (
        (floors(0.65 + moved), dense),
        (floors(0.65, 0.65 + moved), dense),
        (floors(0.65), dataclasses.replace(dense, miou=dense.miou + moved)),
        (floors(0.65), dataclasses.replace(dense, class_iou=(0.95, 0.95 + moved))),
    ):
        assert same_floors(now, score, accepted).is_green == same


# ---------------------------------------------------------------- dense, trained on


def subject(tmp_path: Path, own: float, continued: float | None, data: str = "images") -> Any:
    """Make a case whose dense network was scored already, and perhaps trained on."""
    path = None
    if continued is not None:
        path = tmp_path / "continued.json"
        write_record(path, training(miou=continued, validation_digest="images"))

    class Case:
        pass

    found = CaseData(Case(), {})  # type: ignore[arg-type]
    found.case.continued = path  # type: ignore[misc]
    entries = np.array([[0, 0, 0, 1]], dtype=np.int64)
    matrix = ConfusionMatrix.from_entries(entries, 1, 1)
    score = Score(own, (own,), 0.9, 1)
    found.__dict__["dense_evaluation"] = Evaluation(score, matrix, ("one",), "predictions", data)
    return found


@pytest.mark.parametrize(
    ("own", "continued", "best"),
    [(0.6, None, 0.6), (0.6, 0.62, 0.62), (0.6, 0.58, 0.6)],
)
def test_floors_follow_from_the_better_of_dense_and_dense_trained_on(
    tmp_path: Path, own: float, continued: float | None, best: float
) -> None:
    assert subject(tmp_path, own, continued).dense_score.miou == pytest.approx(best)


def test_a_dense_network_trained_on_with_other_images_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="expected a record of the same images"):
        _ = subject(tmp_path, 0.6, 0.62, data="others").dense_score
