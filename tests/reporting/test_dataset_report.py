"""A report's "kept" and the gates' verdicts agree for all figures and all targets."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from reporting.records import CLASSES, score, speed, training
from reporting.rows import judged, row_of, rows_of
from segprune.gates.accuracy import floors_of, gate_budget, gate_dense, gate_floors
from segprune.gates.criteria import Criteria
from segprune.gates.policy import Budget, Policy
from segprune.gates.speed import decide
from segprune.gates.verdict import Status
from segprune.records.baseline import Size
from segprune.records.score import Score
from segprune.reporting.dataset_report import TargetResult, judge_dense
from segprune.reporting.main_table import headline_notes, headline_table

KINDS = {Status.PASS: "kept", Status.FAIL: "missed", Status.INCONCLUSIVE: "open"}
SPEED = speed(1.8)  # its pairs are not looked at here

shares = st.sampled_from([0.3, 0.4999, 0.5, 0.5001, 0.8, 1.0, 1.2]) | st.floats(0.01, 1.2)
ious = st.sampled_from([0.0, 0.55, 0.62, 0.69, 0.7, 0.71, 0.72]) | st.floats(0, 1)
ratios = st.sampled_from([0.9, 1.0, 1.455, 1.7, 1.71, 2.0]) | st.floats(0.5, 3)
budgets = st.builds(
    Budget,
    st.just("macs50"),
    miou_loss=st.sampled_from([0.0, 1.0, 2.0, 10.0, 72.0, 100.0]),
    class_loss=st.sampled_from([0.0, 1.0, 8.0, 100.0]),
    speedup=st.sampled_from([0.9, 1.0, 1.455, 1.7, 5 / 3]),
    macs=st.none() | st.sampled_from([0.5, 0.8, 1.0]),
    params=st.none() | st.sampled_from([0.5, 0.89]),
    miou_ratio=st.sampled_from([0.0, 0.97, 0.99, 1.0]),
)
classes = st.lists(st.none() | ious, min_size=len(CLASSES), max_size=len(CLASSES)).map(tuple)
scores = st.builds(Score, ious, classes, st.just(0.9), st.just(200))
intervals = st.none() | st.tuples(ratios, ratios).map(lambda ends: tuple(sorted(ends)))


def measured(interval: tuple[float, float]) -> Any:
    return dataclasses.replace(SPEED.speed, low=interval[0], high=interval[1])


def by_gates(
    terms: Criteria, dense: Score, found: Score, dense_size: Size, size: Size,
    interval: tuple[float, float] | None,
) -> Status:  # fmt: skip
    """Return the status of the gates of size, accuracy and speed together."""
    floors = floors_of(terms, CLASSES, dense, dense_size)
    statuses = [
        gate_budget(size, dense_size, floors).status,
        gate_floors(found, CLASSES, dense.miou, floors).status,
        Status.INCONCLUSIVE,
    ]
    if interval is not None:
        decided = decide(measured(interval), terms.speedup, "speedup")
        statuses[2] = decided or Status.INCONCLUSIVE
    for status in (Status.FAIL, Status.INCONCLUSIVE):
        if status in statuses:
            return status
    return Status.PASS


PLAIN = Budget("macs50", miou_loss=2.0, class_loss=8.0, speedup=1.7)
SAME = score(0.72)
HOLED = dataclasses.replace(SAME, class_iou=(None, *SAME.class_iou[1:]))


@given(budgets, scores, scores, shares, shares, intervals)
@example(  # the ratio alone is missed
    dataclasses.replace(PLAIN, miou_ratio=0.99), SAME, score(0.71), 0.5, 0.5, (1.8, 1.9)
)
@example(PLAIN, SAME, SAME, 1.0, 1.0, (1.8, 1.9))  # nothing was removed
@example(dataclasses.replace(PLAIN, miou_loss=72.0), SAME, SAME, 0.5, 0.5, (1.8, 1.9))
@example(PLAIN, SAME, SAME, 0.5, 0.5, (1.65, 1.75))  # the interval decides neither way
@example(PLAIN, HOLED, SAME, 0.5, 0.5, (1.8, 1.9))  # a class without a floor
@example(dataclasses.replace(PLAIN, speedup=5 / 3), SAME, SAME, 0.5, 0.5, (5 / 3, 1.8))
def test_a_report_says_kept_exactly_where_the_gates_pass(
    budget: Budget, dense: Score, found: Score, params: float, macs: float,
    interval: tuple[float, float] | None,
) -> None:  # fmt: skip
    teacher = training(result=dense)
    size = Size(round(teacher.dense_params * params), round(teacher.dense_macs * macs), 0)
    pruned = training(variant="macs50", share=0.5, result=found, params=size.params, macs=size.macs)
    timed = speed(1.8, artifact=pruned.artifact)
    speeds = [] if interval is None else [dataclasses.replace(timed, speed=measured(interval))]
    policy = Policy({"macs50": budget}, {}, {}, {}, 1)
    row = row_of(rows_of(policy, teacher, pruned, speeds=speeds), "macs50")
    dense_size = Size(teacher.dense_params, teacher.dense_macs, 0)
    verdict = by_gates(Criteria(budget), dense, found, dense_size, size, interval)
    assert row.targets.kind == KINDS[verdict]
    assert bool(row.targets.reasons) == (verdict is not Status.PASS)


@given(
    st.sampled_from([0.65, 0.85, 1.0]), st.tuples(ratios, ratios).map(lambda e: tuple(sorted(e)))
)
@example(share=0.65, interval=(1.5, 1.6))  # a gate passes this, and a report does not
def test_with_the_gates_share_of_the_gain_a_report_is_a_gate(
    share: float, interval: tuple[float, float]
) -> None:
    decided = decide(measured(interval), Criteria(PLAIN, speedup_share=share).speedup, "speedup")
    kind = judged(PLAIN, 0.5, 0.5, 0.0, {}, *interval, speedup_share=share).kind
    assert kind == KINDS[decided or Status.INCONCLUSIVE]


@given(ious, ious)
def test_a_dense_network_is_judged_alike(miou: float, least: float) -> None:
    policy = Policy({}, {}, {"streets": least}, {}, 1)
    assert (judge_dense(policy, "streets", miou).kind == "kept") == gate_dense(miou, least).is_green


@pytest.mark.parametrize(
    ("budget", "found", "says"),
    [
        (
            {"miou_ratio": 0.99},
            score(0.71),
            "mIoU: expected at least 0.99 of the dense network's 72.00, found 0.9861",
        ),
        ({"miou_loss": 72.0}, SAME, "floor of mIoU: expected one above 0, found none"),
    ],
)
def test_what_only_gates_looked_at_is_named_in_the_report(
    budget: dict[str, float], found: Score, says: str
) -> None:
    policy = Policy({"macs50": dataclasses.replace(PLAIN, **budget)}, {}, {}, {}, 1)
    pruned = training(variant="macs50", share=0.5, result=found)
    rows = rows_of(policy, training(), pruned, speeds=[speed(1.9, artifact=pruned.artifact)])
    assert [says in reason for reason in row_of(rows, "macs50").targets.reasons] == [True]


def test_an_undecided_speed_up_is_open_and_shows_its_interval() -> None:
    result = judged(PLAIN, 0.5, 0.5, 0.0, {}, 1.65, 1.75)
    assert result.kind == "open"
    assert result.reasons == (
        f"speed-up ×{SPEED.speed.speedup:.2f} (1.65 – 1.75) decides neither way, required ×1.7; "
        "measure it longer",
    )


@pytest.mark.parametrize(("share", "said"), [(0.65, True), (1.0, False)])
def test_a_report_says_where_gates_ask_for_less(share: float, said: bool) -> None:
    policy = Policy({"macs50": PLAIN}, {}, {}, {}, 1, speedup_share=share)
    pruned = training(variant="macs50", share=0.5)
    rows = rows_of(policy, training(), pruned)
    text = " ".join(headline_notes(rows, policy))
    assert ("this table asks for the whole gain in speed, gates for 0.65 of it" in text) == said


GOOD: tuple[Any, ...] = (0.4, 0.5, 0.5, {"road": 1.0}, 1.8)


@pytest.mark.parametrize(
    "found",
    [
        (math.nan, 0.5, 0.5, {"road": 1.0}, 1.8),
        (0.4, 0.5, math.nan, {"road": 1.0}, 1.8),
        (0.4, 0.5, 0.5, {"road": math.nan}, 1.8),
        (0.4, 0.5, 0.5, {"road": 1.0}, math.nan),
    ],
)
def test_what_is_no_number_reaches_no_target(found: tuple[Any, ...]) -> None:
    budget = Budget("macs50", miou_loss=1.0, class_loss=8.0, speedup=1.7, macs=0.5)
    assert judged(budget, *GOOD).kind == "kept"
    assert judged(budget, *found).kind == "missed"


def test_speed_is_joined_by_file_and_else_by_plan(policy: Policy) -> None:
    pruned = training(variant="macs50", share=0.5)
    by_file = speed(1.9, artifact=pruned.artifact, plan=pruned.plan)
    by_plan = speed(1.5, plan=pruned.plan)
    for speeds, wanted in (((by_plan, by_file), by_file), ((by_plan,), by_plan), ((), None)):
        rows = rows_of(policy, training(), pruned, speeds=speeds)
        assert row_of(rows, "macs50").speed is wanted


@pytest.mark.parametrize(
    "changes",
    [
        {"input": (1, 3, 256, 512)},
        {"memory_format": "channels_last"},
        {"threads": 2},
        {"reference_artifact": "of another dense network"},
        {"artifact": "of another file", "plan": "and another plan"},
    ],
)
def test_a_measurement_of_something_else_is_not_joined(
    policy: Policy, changes: dict[str, Any]
) -> None:
    pruned = training(variant="macs50", share=0.5)
    measured = speed(**{"artifact": pruned.artifact, "plan": pruned.plan, **changes})
    row = row_of(rows_of(policy, training(), pruned, speeds=[measured]), "macs50")
    assert row.speed is None
    assert "| – | open: speed-up not measured" in "\n".join(headline_table([row]))


def test_of_several_measurements_the_lowest_counts(policy: Policy) -> None:
    pruned = training(variant="macs50", share=0.5)
    speeds = [speed(factor, artifact=pruned.artifact) for factor in (1.9, 1.75, 1.8)]
    row = row_of(rows_of(policy, training(), pruned, speeds=speeds), "macs50")
    assert row.speed is speeds[1]


def found(policy: Policy, **changes: Any) -> TargetResult:
    kept = {"macs": 0.5, "params": 0.6, "miou_loss": 1.0, "class_losses": {"car": 8.0}, "low": 1.7}
    return judged(policy.budgets["macs50"], **{**kept, **changes})


def test_a_network_that_just_reaches_its_targets_keeps_them(policy: Policy) -> None:
    assert found(policy).kind == "kept"


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"macs": 0.501}, "MACs"),
        ({"miou_loss": 1.01}, "mIoU"),
        ({"class_losses": {"car": 8.1, "sky": 0.0}}, "car"),
        ({"class_losses": {"car": None}}, "car"),
        ({"low": 1.69}, "speed-up"),
        ({"low": None, "miou_loss": 1.2}, "mIoU"),
    ],
)
def test_every_miss_is_named(policy: Policy, changes: dict[str, Any], named: str) -> None:
    result = found(policy, **changes)
    assert result.kind == "missed"
    assert [named in reason for reason in result.reasons] == [True]


def test_without_a_speed_nothing_is_kept(policy: Policy) -> None:
    assert found(policy, low=None).kind == "open"


@pytest.mark.parametrize(
    ("data", "variant", "kind"),
    [
        ("streets", "macs50", "missed"),
        ("camvid", "macs50", "kept"),
        ("camvid", "macs50-distilled", "kept"),
        ("camvid", "macs5", "none"),
        ("camvid", "slim", "none"),
    ],
)
def test_an_exception_counts_for_its_network_and_data_alone(
    policy: Policy, data: str, variant: str, kind: str
) -> None:
    pruned = training(variant=variant, miou=0.708, share=0.5, data=data)
    dense = training(miou=0.72, data=data)
    quick = speed(1.9, artifact=pruned.artifact, data=data)
    rows = rows_of(policy, dense, pruned, speeds=[quick], data=data)
    assert row_of(rows, variant).targets.kind == kind


def test_a_dense_network_below_its_floor_is_no_baseline(policy: Policy) -> None:
    (low,) = rows_of(policy, training(miou=0.49))
    (high,) = rows_of(policy, training(miou=0.5))
    assert (low.targets.kind, high.targets.kind) == ("missed", "kept")
