"""What the page says of a sweep: answers, failures, points, sheet and order."""

from __future__ import annotations

import csv
import dataclasses
import io
import random
from typing import Any

import pytest

from report.records import campaign, cell, speed, training
from segprune.errors import InputError
from segprune.records.sweep import CellRecord
from segprune.reporting import Collection, Policy, results_csv, results_page
from segprune.reporting.sweep_points import Strategy, sweep_of


def small_sweep() -> list[CellRecord]:
    """taylor leads by 5 points without recovery, fpgm by 1 recalibrated; both were trained."""
    table = {
        ("taylor", "none"): 0.45, ("fpgm", "none"): 0.40,
        ("taylor", "recalibrated"): 0.60, ("fpgm", "recalibrated"): 0.61,
        ("taylor", "fine-tuned"): 0.70, ("fpgm", "fine-tuned"): 0.69,
        ("taylor", "distilled"): 0.715, ("fpgm", "distilled"): 0.705,
    }  # fmt: skip
    return [
        cell(importance=importance, recovery=recovery, miou=miou)
        for (importance, recovery), miou in table.items()
    ]


def test_the_answers_are_computed_from_the_cells(policy: Policy) -> None:
    cells = [*small_sweep(), cell(importance="taylor", scope="local", miou=0.42)]
    page = results_page(Collection(cells=tuple(cells)), policy)
    assert "**taylor/global** 45.0 (+3.0)" in page
    assert "**fpgm/global** 61.0 (+1.0)" in page
    assert "mean of fpgm/global and taylor/global" in page
    assert (
        "without recovery 42.5 → recalibrated 60.5 (+18.0) → fine-tuned 69.5 (+9.0) → distilled "
        "71.0 (+1.5); the best of these is −1.0 points from dense." in page
    )
    assert "Within 1 point of dense with training: 1 of 4 cells" in page
    assert "Within 1 point of dense without training: none of 5 cells; nearest fpgm/global" in page
    assert "Distillation is ahead of fine-tuning alone in 2 of 2 pairs" in page
    assert "Global scope is ahead of local in 1 of 1 pairs of one importance, without" in page
    assert "| fpgm | global | 40.0 | **61.0** |" in page


def test_the_fastest_strategy_is_named_with_whoever_cannot_be_told_apart(policy: Policy) -> None:
    cells = [cell(importance=name) for name in ("fpgm", "lamp", "taylor")]
    plans = [done.outcome.plan for done in cells if done.outcome]
    speeds = tuple(
        speed(factor, plan=plan) for factor, plan in zip((1.9, 1.895, 1.5), plans, strict=True)
    )
    page = results_page(Collection(cells=tuple(cells), speeds=speeds), policy)
    best = max(speeds[:2], key=lambda record: record.speed.speedup)
    name = ("fpgm", "lamp")[speeds.index(best)]
    assert f"**{name}/global** ×{best.speed.speedup:.2f}" in page
    assert "within its interval 1 more" in page


def test_a_cell_that_failed_is_shown_with_its_reason_and_never_counted(policy: Policy) -> None:
    cells = [*small_sweep(), cell(importance="lamp", miou=None, failure="no\nchannels left")]
    page = results_page(Collection(cells=tuple(cells)), policy)
    assert "| lamp | global | failed | – |" in page
    assert "- bisenetv2, 0.5 of the MACs, lamp/global, none: no channels left" in page
    assert "9 cells, 1 failed" in page
    sweep = sweep_of(Collection(cells=tuple(cells)), "streets", policy)
    assert sweep is not None
    assert Strategy("lamp", "global") not in {p.strategy for p in sweep.find("bisenetv2")}


def test_cells_that_differ_in_their_seed_alone_are_one_point(policy: Policy) -> None:
    cells = tuple(cell(importance="random", miou=miou, seed=s) for s, miou in ((0, 0.2), (1, 0.4)))
    sweep = sweep_of(Collection(cells=cells), "streets", policy)
    assert sweep is not None
    (point,) = sweep.points
    assert (point.seeds, point.miou) == ((0, 1), pytest.approx(0.3))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({}, "expected one a seed"),
        ({"importance": "lamp", "source": "other"}, "expected one dense network"),
        ({"importance": "lamp", "validation_digest": "other"}, "expected one validation split"),
    ],
)
def test_cells_that_contradict_one_another_are_refused(
    policy: Policy, changes: dict[str, Any], said: str
) -> None:
    cells = (cell(), cell(sweep="again", **changes))
    with pytest.raises(InputError, match=said):
        sweep_of(Collection(cells=cells), "streets", policy)


def test_the_dense_network_to_beat_in_a_sweep_is_the_better_one_too(policy: Policy) -> None:
    trainings = (training(miou=0.72), training(variant="dense-continued", miou=0.73))
    page = results_page(Collection(trainings=trainings, cells=tuple(small_sweep())), policy)
    assert "**bisenetv2** (dense 73.00 mIoU)" in page
    assert "the best of these is −2.0 points from dense" in page


def test_the_sheet_has_a_line_for_each_network_and_each_strategy(policy: Policy) -> None:
    cells = [*small_sweep(), cell(importance="lamp", miou=None, failure="no\nchannels, left")]
    plan = next(done.outcome.plan for done in cells if done.outcome)
    measured = speed(1.9, plan=plan)
    trainings = (
        training(miou=0.72),
        *(training(variant="macs50", miou=m, share=0.5, seed=s) for s, m in ((0, 0.70), (1, 0.71))),
    )
    text = results_csv(Collection(trainings, tuple(cells), (measured,)), policy)
    lines = list(csv.DictReader(io.StringIO(text)))
    assert len(lines) == 2 + len(cells)
    (pruned,) = [line for line in lines if line["variant"] == "macs50"]
    assert (pruned["seeds"], pruned["miou_lowest"], pruned["miou_highest"]) == ("2", "0.7", "0.71")
    assert float(pruned["miou"]) == pytest.approx(0.705)
    assert float(pruned["miou_change"]) == pytest.approx(-0.015)
    assert float(pruned["macs_share"]) == pytest.approx(0.5, abs=0.01)
    (failed,) = [line for line in lines if line["importance"] == "lamp"]
    assert (failed["miou"], failed["failure"]) == ("", "no channels, left")
    (fastest,) = [line for line in lines if line["importance"] == "taylor"
                  and line["recovery"] == "none"]  # fmt: skip
    assert (fastest["budget"], fastest["miou"]) == ("macs 0.5", "0.45")
    assert float(fastest["speedup_low"]) == measured.speed.low
    assert {line["data"] for line in lines} == {"streets"}


def test_the_page_does_not_depend_on_the_order_of_files(policy: Policy) -> None:
    whole = campaign(budgets=(0.5, 0.3))
    rng = random.Random(0)
    mixed = dataclasses.replace(
        whole,
        trainings=tuple(rng.sample(whole.trainings, len(whole.trainings))),
        cells=tuple(rng.sample(whole.cells, len(whole.cells))),
        speeds=tuple(rng.sample(whole.speeds, len(whole.speeds))),
    )
    page = results_page(whole, policy)
    tables = [line for line in page.splitlines() if line.startswith(("|", "- ", "**"))]
    again = results_page(mixed, policy)
    assert [line for line in again.splitlines() if line.startswith(("|", "- ", "**"))] == tables
    assert whole.digest == mixed.digest
