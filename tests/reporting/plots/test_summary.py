"""The summary: its legend names what was measured, and names of strategies do not crowd."""

from __future__ import annotations

from reporting.plots.small import SWEEPS, figures, one, timed
from segprune.reporting import Collection, Policy


def test_a_legend_names_nothing_that_was_not_measured(policy: Policy) -> None:
    for speeds, shown in (((), False), ((timed(1.4),), True)):
        collection = Collection((), (one("none", 0.5),), speeds)
        legend = dict(figures(collection, policy))["streets-summary"].legends[0]
        words = {text.get_text() for text in legend.get_texts()}
        assert ("fastest" in words) is shown


def test_names_do_not_crowd_where_there_are_many_budgets(policy: Policy) -> None:
    figure = dict(figures(SWEEPS["eleven budgets"], policy))["streets-summary"]
    words = [text.get_text().replace("\n", "/") for text in figure.axes[0].texts]
    assert words.count("taylor/global") == 1
