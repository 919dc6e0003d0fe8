"""Targets: floors follow from a dense network, and each is missed where it begins to be."""

from __future__ import annotations

import pytest

from segprune.gates.accuracy import gate_floors
from segprune.gates.criteria import Criteria
from segprune.gates.policy import Budget
from segprune.gates.targets import floors_of, speedup_status, targets_of
from segprune.gates.verdict import Status
from segprune.records.baseline import Floors, Targets
from segprune.records.prune import Size
from segprune.records.score import Score


@pytest.mark.parametrize(
    ("miou", "status"), [(0.6, Status.PASS), (0.57, Status.PASS), (0.569, Status.FAIL)]
)
def test_a_share_of_dense_is_a_floor_of_its_own(miou: float, status: Status) -> None:
    targets = Targets("", miou_ratio=0.95, most_macs=None, most_params=None, speedup=1.0)
    every = Floors(**vars(targets), miou=0.1, class_iou={"road": None})
    verdict = gate_floors(Score(miou, (miou,), 0.9, 1), ("road",), 0.6, every)
    assert verdict.status is status
    if status is Status.FAIL:
        assert verdict.reasons == (
            "mIoU: expected at least 0.95 of the dense network's 60.00, found 0.9483",
        )


def test_a_share_of_a_count_is_a_whole_number_that_may_be_reached() -> None:
    dense = Size(100, 2001, 0)
    limits = targets_of(Criteria(Budget("half", 1.0, 8.0, 1.0, macs=0.5, params=0.29)), dense)
    assert (limits.most_params, limits.most_macs) == (
        29,
        1000,
    )  # 0.29 · 100 is below 29 in floating point
    free = targets_of(Criteria(Budget("free", 1.0, 8.0, 1.0)), dense)
    assert (free.most_params, free.most_macs) == (None, None)


def test_a_loss_beyond_all_of_an_iou_leaves_a_floor_of_zero() -> None:
    budget = Budget("half", miou_loss=10.0, class_loss=8.0, speedup=1.0)
    dense = Score(0.09, (0.05, None, 0.5), 0.9, 1)
    floors = floors_of(Criteria(budget), ("sign", "bus", "road"), dense, Size(10, 10, 0))
    assert floors.miou == 0.0
    assert floors.class_iou == {"sign": 0.0, "bus": None, "road": pytest.approx(0.42)}


@pytest.mark.parametrize(
    ("low", "floor", "same_shapes", "status"),
    [
        (1.5, 1.5, False, Status.PASS),
        (1.005, 1.0, False, Status.PASS),
        (1.005, 1.0, True, None),
        (1.2, 1.5, True, None),
        (1.5, 1.5, True, Status.PASS),
    ],
)
def test_networks_of_the_same_shapes_must_reach_the_floor_and_be_clearly_faster(
    low: float, floor: float, same_shapes: bool, status: Status | None
) -> None:
    assert speedup_status(low, 2.0, floor, same_shapes) is status
