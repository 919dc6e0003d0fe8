"""Targets: which clause is missed, at the figure where it begins to be."""

from __future__ import annotations

import pytest

from segprune.gates.accuracy import gate_floors
from segprune.gates.verdict import Status
from segprune.records.baseline import Floors, Targets
from segprune.records.score import Score


@pytest.mark.parametrize(
    ("miou", "status"), [(0.6, Status.PASS), (0.57, Status.PASS), (0.569, Status.FAIL)]
)
def test_a_share_of_dense_is_a_floor_of_its_own(miou: float, status: Status) -> None:
    promise = Targets("", miou_ratio=0.95, most_macs=None, most_params=None, speedup=1.0)
    every = Floors(**vars(promise), miou=0.1, class_iou={"road": None})
    verdict = gate_floors(Score(miou, (miou,), 0.9, 1), ("road",), 0.6, every)
    assert verdict.status is status
    if status is Status.FAIL:
        assert verdict.reasons == (
            "mIoU: expected at least 0.95 of the dense network's 60.00, found 0.9483",
        )
