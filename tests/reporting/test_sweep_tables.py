"""Tables of a sweep: what stands in a cell, and what fails."""

from __future__ import annotations

from reporting.records import cell, small_sweep
from segprune.reporting import Collection, Policy, results_page
from segprune.reporting.sweep_points import Strategy, sweep_of


def test_a_cell_that_failed_is_shown_with_its_reason_and_never_counted(policy: Policy) -> None:
    cells = [*small_sweep(), cell(importance="lamp", miou=None, failure="no\nchannels left")]
    page = results_page(Collection(cells=tuple(cells)), policy)
    assert "| lamp | global | failed | – |" in page
    assert "- bisenetv2, 0.5 of the MACs, lamp/global, none: no channels left" in page
    assert "9 cells, 1 failed" in page
    sweep = sweep_of(Collection(cells=tuple(cells)), "streets", policy)
    assert sweep is not None
    assert Strategy("lamp", "global") not in {p.strategy for p in sweep.find("bisenetv2")}
