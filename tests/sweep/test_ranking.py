"""Which plans are the best of each network and budget, and so are trained."""

from __future__ import annotations

import dataclasses

import numpy as np

from segprune.records.environment import environment
from segprune.records.score import Score
from segprune.records.sweep import CellRecord, Outcome
from segprune.workflows.sweep.cells import best_plans


def record_of(
    plan_name: str, miou: float | None, *, recovery: str = "recalibrated", plan: str | None = None
) -> CellRecord:
    """A made-up record."""
    score = Score(0.5, (0.5,), 0.5, 1)
    outcome = None
    if miou is not None:
        found = dataclasses.replace(score, miou=miou)
        outcome = Outcome(plan or plan_name, 1, 1, (), found, 0, 1.0)
    network, macs, importance, scope = plan_name.split("-")
    return CellRecord(
        command=(), sweep="s", cell=f"{plan_name}-{recovery}", network=network, data="d",
        budget={"macs": int(macs.removeprefix("macs")) / 100}, importance=importance, scope=scope,
        recovery=recovery, seed=0, recipe="", classes=("a",), input=(1, 3, 8, 8),
        validation_images=1, validation_digest="", source="", dense_params=1, dense_macs=1,
        dense_score=score, outcome=outcome, failure=None if outcome else "why", packages={},
        environment=environment(),
    )  # fmt: skip


def test_the_best_are_those_of_the_highest_miou_of_each_network_and_budget() -> None:
    rng = np.random.default_rng(0)
    rows = {
        (network, budget, f"i{number}"): float(rng.random())
        for network in ("a", "b")
        for budget in (50, 30)
        for number in range(6)
    }
    records = [record_of(f"{n}-macs{b}-{i}-global", miou) for (n, b, i), miou in rows.items()]
    wanted = set()
    for place in {key[:2] for key in rows}:
        own = sorted((key for key in rows if key[:2] == place), key=lambda key: -rows[key])
        wanted |= {f"{n}-macs{b}-{i}-global" for n, b, i in own[:3]}
    assert best_plans(records, 3, [0.5, 0.3]) == wanted
    assert best_plans(records[::-1], 3, [0.5, 0.3]) == wanted
    only = {name for name in wanted if "macs30" in name}
    assert best_plans(records, 3, [0.3]) == only


def test_ties_go_to_the_first_name_and_what_failed_or_is_not_recalibrated_never_ranks() -> None:
    records = [
        record_of("n-macs50-c-global", 0.5),
        record_of("n-macs50-b-global", 0.5),
        record_of("n-macs50-a-global", None),
        record_of("n-macs50-d-global", 0.9, recovery="none"),
    ]
    assert best_plans(records, 1, [0.5]) == {"n-macs50-b-global"}
    assert best_plans(records, 9, [0.5]) == {"n-macs50-b-global", "n-macs50-c-global"}


def test_one_plan_under_two_names_is_trained_once() -> None:
    records = [
        record_of("n-macs50-a-global", 0.5, plan="same"),
        record_of("n-macs50-b-global", 0.5, plan="same"),
        record_of("n-macs50-c-global", 0.4),
    ]
    assert best_plans(records, 2, [0.5]) == {"n-macs50-a-global", "n-macs50-c-global"}
