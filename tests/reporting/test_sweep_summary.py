"""What the page says of a sweep: answers, failures, points, sheet and order."""

from __future__ import annotations

from reporting.records import cell, small_sweep, speed
from segprune.reporting import Collection, Policy, results_page


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


def test_the_fastest_strategy_is_named_with_those_that_overlap_its_interval(policy: Policy) -> None:
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
