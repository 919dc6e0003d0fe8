"""Floors and sizes: what a policy demands, and what misses it by the least that can be."""

from __future__ import annotations

import dataclasses
import math
import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as st

from segprune.gates.accuracy import (
    floors_of,
    gate_budget,
    gate_dense,
    gate_floors,
    gate_seeds,
    gate_size,
    targets_of,
)
from segprune.gates.criteria import Criteria
from segprune.gates.policy import Budget
from segprune.gates.verdict import Status
from segprune.records.baseline import Size
from segprune.records.score import Score

CLASSES = ("road", "car", "pole")
BUDGET = Budget("macs50", miou_loss=1.0, class_loss=8.0, speedup=1.7, macs=0.5, miou_ratio=0.97)
DENSE = Score(0.6, (0.9, 0.6, None), 0.9, 10)
SIZE = Size(params=1001, macs=2001, activation_bytes=300)
SMALL = Size(params=400, macs=1000, activation_bytes=200)
TERMS = Criteria(BUDGET, speedup_share=0.95)
FLOORS = floors_of(TERMS, CLASSES, DENSE, SIZE)


def test_floors_follow_from_the_policy_and_the_dense_network() -> None:
    assert FLOORS.miou == pytest.approx(0.59)
    assert FLOORS.class_iou == {
        "road": pytest.approx(0.82), "car": pytest.approx(0.52), "pole": None,
    }  # fmt: skip
    assert (FLOORS.most_macs, FLOORS.most_params, FLOORS.speedup) == (1000, None, 1.665)
    assert FLOORS.rule == (
        "macs50: mIoU ≥ dense − 1 points, mIoU ≥ 0.97 of dense, each class ≥ dense − 8 points, "
        "MACs ≤ 0.5 of dense, speed-up ≥ 1.7 (0.95 of the gain on a machine that others load), "
        "FPS ≥ 0.35 of the baseline's on its machine, "
        "same weights within 20 flips per million pixels and 0.01 points"
    )


@pytest.mark.parametrize(("miou", "held"), [(0.5, True), (0.4999, False), (float("nan"), False)])
def test_a_dense_network_below_the_policy_s_least_is_no_baseline(miou: float, held: bool) -> None:
    verdict = gate_dense(miou, 0.5)
    assert verdict.is_green == held
    assert held or "train it longer" in verdict.reasons[0]


@given(st.floats(0, 1), st.lists(st.none() | st.floats(0, 1), min_size=3, max_size=3).map(tuple))
def test_a_score_passes_exactly_if_it_loses_no_more_than_it_may(
    miou: float, class_iou: tuple[float | None, ...]
) -> None:
    verdict = gate_floors(Score(miou, class_iou, 0.9, 10), CLASSES, DENSE.miou, FLOORS)
    losses = [
        dense - (-math.inf if iou is None else iou)
        for dense, iou in zip(DENSE.class_iou, class_iou, strict=True)
        if dense is not None
    ]
    held = 0.6 - miou <= 0.01 + 1e-9 and miou >= 0.97 * 0.6 - 1e-9
    held = held and all(loss <= 0.08 + 1e-9 for loss in losses)
    assert verdict.status is (Status.PASS if held else Status.FAIL)


@pytest.mark.parametrize(
    ("score", "named"),
    [
        (Score(0.5899, (0.9, 0.6, None), 0.9, 10), "mIoU: expected at least 59.00, found 58.99"),
        (Score(0.6, (0.9, 0.51, None), 0.9, 10), "IoU of car: expected at least 52.0, found 51.0"),
        (Score(0.6, (0.9, None, 0.1), 0.9, 10), "IoU of car: expected at least 52.0, found none"),
        (Score(float("nan"), (0.9, 0.6, None), 0.9, 10), "mIoU"),
        (Score(0.6, (0.9, float("nan"), None), 0.9, 10), "IoU of car"),
    ],
)
def test_what_misses_its_floor_is_named_and_nan_misses_every_floor(
    score: Score, named: str
) -> None:
    verdict = gate_floors(score, CLASSES, DENSE.miou, FLOORS)
    assert verdict.status is Status.FAIL
    assert any(named in reason for reason in verdict.reasons)


def test_scores_of_other_classes_are_not_compared() -> None:
    verdict = gate_floors(DENSE, ("road", "car", "tree"), DENSE.miou, FLOORS)
    assert verdict.status is Status.NOT_COMPARABLE


def test_the_size_of_the_baseline_within_the_budget_passes() -> None:
    assert gate_size(SMALL, SMALL).is_green
    assert gate_budget(SMALL, SIZE, FLOORS).is_green


@pytest.mark.parametrize("field", ["params", "macs", "activation_bytes"])
@pytest.mark.parametrize("by", [-1, 1])
def test_one_more_or_one_less_than_the_baseline_fails(field: str, by: int) -> None:
    other = dataclasses.replace(SMALL, **{field: getattr(SMALL, field) + by})
    verdict = gate_size(other, SMALL)
    assert verdict.status is Status.FAIL


def test_more_macs_than_the_budget_allows_fail() -> None:
    verdict = gate_budget(dataclasses.replace(SMALL, macs=1001), SIZE, FLOORS)
    assert verdict.status is Status.FAIL
    assert verdict.reasons == (
        "MACs: expected at most 50.0% of the dense network's (1,000 of 2,001), found 50.0% "
        "(1,001); prune more, or lower the target",
    )


def test_a_network_of_the_dense_one_s_size_is_said_to_be_masked() -> None:
    free = targets_of(Criteria(dataclasses.replace(BUDGET, macs=None)), SIZE)
    verdict = gate_budget(SIZE, SIZE, free)
    assert verdict.status is Status.FAIL
    assert "masked or have grown back" in verdict.reasons[0]


# ---------------------------------------------------------------- seeds


def test_one_seed_does_not_judge_a_recipe_and_the_reason_says_so() -> None:
    verdict = gate_seeds((0.9,), 0.1)
    assert verdict.status is Status.INCONCLUSIVE
    assert "one seed" in verdict.reasons[0]


def test_three_seeds_decide_by_student_s_bound() -> None:
    # Mean 0.62, standard deviation 0.01: the bound is 2.920 · 0.01 / √3 = 0.01686 away.
    seeds = (0.61, 0.62, 0.63)
    assert gate_seeds(seeds, 0.62 - 0.0169).status is Status.PASS
    assert gate_seeds(seeds, 0.62 - 0.0168).status is Status.INCONCLUSIVE
    assert gate_seeds(seeds, 0.62 + 0.0168).status is Status.INCONCLUSIVE
    assert gate_seeds(seeds, 0.62 + 0.0169).status is Status.FAIL
    assert gate_seeds((0.5, 0.5, 0.5), 0.5).status is Status.PASS


@pytest.mark.parametrize(("reach", "status"), [(1.81, Status.PASS), (1.79, Status.INCONCLUSIVE)])
def test_twelve_seeds_are_judged_by_nearly_the_normal_bound(reach: float, status: Status) -> None:
    """Student's t of 11 degrees of freedom is 1.796 (one-sided 95 %)."""
    mious = tuple(0.7 + 0.001 * (n % 3 - 1) for n in range(12))
    spread = statistics.stdev(mious) / math.sqrt(12)
    assert gate_seeds(mious, statistics.fmean(mious) - reach * spread).status is status
