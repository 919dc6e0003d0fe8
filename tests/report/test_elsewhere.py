"""A network that was trained elsewhere has a dense row; nothing is left out without a reason."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from report.records import cell, digest, score, speed, training
from report.rows import row_of, rows_of
from segprune.reporting import Collection, Policy, results_csv, results_page
from segprune.reporting.dataset_report import dataset_reports
from segprune.reporting.left_out import left_out


def recovery(miou: float = 0.69, before: float = 0.70, **changes: Any) -> Any:
    """Make a record with the score of its network before it was pruned."""
    stages = {"start": score(before), "pruned": score(0.1), "result": score(miou)}
    return training("bisenetv2", "macs50", share=0.4996, scores=stages, **changes)


def not_shown(policy: Policy, collection: Collection) -> tuple[str, ...]:
    found = left_out(dataset_reports(collection, policy), collection, policy)
    page = results_page(collection, policy)
    assert all(f"- {sentence}" in page for sentence in found)
    assert ("## Not shown" in page) == bool(found)
    return found


def test_a_recovery_alone_is_compared_with_its_own_beginning(policy: Policy) -> None:
    record = recovery(0.693, 0.70)
    rows = rows_of(policy, record, speeds=[speed(1.8, artifact=record.artifact)])
    dense, pruned = row_of(rows, "dense-elsewhere"), row_of(rows, "macs50")
    assert rows[0] is dense
    assert dense.trained.miou == 0.70
    assert dense.trained.macs == record.dense_macs
    assert pruned.loss == pytest.approx(0.7)
    assert pruned.targets.kind == "kept"
    page = results_page(Collection((record,)), policy)
    assert "| bisenetv2 | dense-elsewhere ◆ | – | – |" in page
    assert "dense was trained elsewhere" in page
    assert "Trainings: 1," in page
    assert "dense-elsewhere" in results_csv(Collection((record,)), policy)


def test_a_recorded_dense_network_is_the_one_to_beat(policy: Policy) -> None:
    rows = rows_of(policy, training("bisenetv2", "dense", 0.72), recovery())
    assert [row.trained.variant for row in rows] == ["dense", "macs50"]


def test_what_was_pruned_before_is_no_dense_network(policy: Policy) -> None:
    first = training("bisenetv2", "half", 0.7, share=0.7, source=None)
    rows = rows_of(policy, first, recovery(source=first.artifact))
    assert all(row.dense is None for row in rows)


def test_a_speed_that_is_in_no_table_is_named_with_the_reason(policy: Policy) -> None:
    dense, swept = training("bisenetv2", "dense", 0.72), cell("bisenetv2", 0.5, "taylor")
    assert swept.outcome is not None
    plan = swept.outcome.plan
    shown = speed(1.5, plan=plan)
    cases = {
        "no training and no cell": speed(1.5, plan="of nothing"),
        "measured on input 1×3×64×64": speed(1.6, plan=plan, input=(1, 3, 64, 64)),
        "4 threads": speed(1.6, plan=plan, threads=4),
        "another dense network": speed(1.6, plan=plan, reference_artifact=digest("other")),
        "promises least": speed(1.9, plan=plan),
    }
    collection = Collection((dense,), (swept,), (shown, *cases.values()))
    found = not_shown(policy, collection)
    assert len(found) == len(cases)
    for words, record in cases.items():
        (sentence,) = [one for one in found if words in one]
        assert record.name in sentence


def test_a_network_without_dense_that_is_not_drawn_is_named(policy: Policy) -> None:
    (sentence,) = not_shown(policy, Collection((training("icnet", "macs50", 0.6, share=0.5),)))
    assert "icnet on streets: not in the picture" in sentence


def test_a_strategy_that_was_not_recovered_in_every_way_is_named(policy: Policy) -> None:
    full = [
        cell("bisenetv2", 0.5, "taylor", recovery=way)
        for way in ("none", "fine-tuned", "distilled")
    ]
    part = [cell("bisenetv2", 0.5, "fpgm", recovery=way) for way in ("none", "fine-tuned")]
    (sentence,) = not_shown(policy, Collection((), (*full, *part)))
    assert "fpgm/global, fine-tuned: not part of what recovery buys" in sentence


def test_where_all_is_shown_nothing_is_said(policy: Policy) -> None:
    record = recovery()
    speeds = (speed(1.8, artifact=record.artifact),)
    assert not_shown(policy, Collection((record,), (), speeds)) == ()
    assert dataclasses.replace(record).warnings == ()
