"""Nothing is left out of the page without a reason."""

from __future__ import annotations

import dataclasses

from reporting.records import cell, digest, recovery, speed, training
from segprune.reporting import Collection, Policy, results_page
from segprune.reporting.dataset_report import dataset_reports
from segprune.reporting.left_out import left_out


def not_shown(policy: Policy, collection: Collection) -> tuple[str, ...]:
    found = left_out(dataset_reports(collection, policy), collection, policy)
    page = results_page(collection, policy)
    assert all(f"- {sentence}" in page for sentence in found)
    assert ("## Not shown" in page) == bool(found)
    return found


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
        "the lowest of its speed-ups": speed(1.9, plan=plan),
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
