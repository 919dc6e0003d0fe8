"""Cells of a sweep as points: which belong together, and which contradict one another."""

from __future__ import annotations

from typing import Any

import pytest

from reporting.records import cell, small_sweep, training
from segprune.errors import InputError
from segprune.reporting import Collection, Policy, results_page
from segprune.reporting.sweep_points import sweep_of


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
