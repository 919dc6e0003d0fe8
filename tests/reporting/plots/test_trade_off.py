"""mIoU against cost: the leading strategies are named, but not at every budget."""

from __future__ import annotations

import pytest

from reporting.plots.small import SWEEPS, figures, one
from segprune.reporting import Collection, Policy


@pytest.mark.parametrize("above", [False, True])
def test_the_leader_of_a_small_sweep_is_named(above: bool, policy: Policy) -> None:
    collection = Collection((), (one("none", 0.9 if above else 0.5),))
    figure = dict(figures(collection, policy))["streets-trade-off"]
    words = [text.get_text() for text in figure.axes[0].texts]
    assert "taylor/global" in words


def test_names_do_not_crowd_where_there_are_many_budgets(policy: Policy) -> None:
    figure = dict(figures(SWEEPS["eleven budgets"], policy))["streets-trade-off"]
    words = [text.get_text().replace("\n", "/") for text in figure.axes[0].texts]
    assert words.count("taylor/global") == 1
