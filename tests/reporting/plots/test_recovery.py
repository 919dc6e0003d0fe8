"""What recovery buys: one point a way to recover, and the mean gain between two of them."""

from __future__ import annotations

import pytest

from reporting.records import cell, small_sweep
from segprune.gates.policy import Policy
from segprune.reporting import Collection
from segprune.reporting.dataset_report import dataset_reports
from segprune.reporting.plots import recovery


def test_lines_are_the_strategies_and_gains_are_those_of_their_means(policy: Policy) -> None:
    (report,) = dataset_reports(Collection((), tuple(small_sweep())), policy)
    assert report.sweep is not None
    (axes,) = recovery.draw(report, report.sweep).axes
    drawn = {
        str(line.get_label()): [float(y) for y in line.get_ydata()]  # type: ignore[union-attr]
        for line in axes.lines
        if "/" in str(line.get_label())
    }
    assert drawn["taylor/global"] == pytest.approx([45, 60, 70, 71.5])
    assert drawn["fpgm/global"] == pytest.approx([40, 61, 69, 70.5])
    words = [text.get_text() for text in axes.texts]
    assert [word for word in words if word.startswith("+")] == ["+18.0", "+9.0", "+1.5"]


def test_without_a_trained_cell_there_is_nothing_to_draw(policy: Policy) -> None:
    for trained, drawn in (((), False), ((cell(recovery="fine-tuned", miou=0.6),), True)):
        (report,) = dataset_reports(Collection((), (cell(), *trained)), policy)
        assert report.sweep is not None
        assert recovery.is_there(report.sweep) is drawn
