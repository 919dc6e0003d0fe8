"""The best accepted figures: they only get better, unless a worse one is accepted."""

from __future__ import annotations

import dataclasses

import pytest

from gates.baselines.made import baseline, with_size
from segprune.gates.baselines.best import best_after, best_of, figures_of, words_of, worse


def test_a_better_figure_takes_the_place_of_the_best_and_a_little_worse_one_does_not() -> None:
    first, better = baseline(car=900_000), baseline(car=950_000)
    best = best_after(first, better)
    assert best["IoU of car"] == figures_of(better)["IoU of car"]
    slightly_worse = baseline(car=949_990)
    again = dataclasses.replace(better, best=best)
    assert best_after(again, slightly_worse)["IoU of car"] == best["IoU of car"]


def test_a_figure_that_got_worse_begins_anew_and_no_other_does() -> None:
    good, worse_car = baseline(car=950_000), baseline(car=800_000)
    best = best_after(good, worse_car)
    assert best["IoU of car"] == figures_of(worse_car)["IoU of car"]
    assert best["params"] == best_of(good)["params"]


@pytest.mark.parametrize(("change", "expected"), [(-1, False), (0, False), (1, True)])
def test_of_sizes_one_more_is_worse(change: int, expected: bool) -> None:
    before = baseline()
    grown = with_size(before, macs=before.size.pruned.macs + change)
    assert ("macs" in worse(figures_of(before), grown)) is expected


def test_a_speed_up_is_worse_only_if_its_whole_interval_is() -> None:
    before, slower, much_slower = baseline(ratio=1.5), baseline(ratio=1.49), baseline(ratio=1.3)
    best = figures_of(before)
    assert slower.speed.comparison.low < best["speed-up"] < slower.speed.comparison.high
    assert worse(best, slower) == {}
    assert list(worse(best, much_slower)) == ["speed-up"]


def test_a_figure_is_written_in_its_unit() -> None:
    written = [words_of("params", 1234567), words_of("speed-up", 1.5), words_of("mIoU", 0.71234)]
    assert written == ["1,234,567", "×1.50", "71.23"]
    assert words_of("IoU of car", None) == "nothing"
