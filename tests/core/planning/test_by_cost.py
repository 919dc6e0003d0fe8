"""A ranking by cost takes the least score for each MAC that it saves at the time."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from torch import nn

import segprune
from segprune.core.axes import Term
from segprune.core.planning.budget import CostTracker, by_cost
from segprune.errors import InputError


def chain(widths: list[int]) -> tuple[CostTracker, list[np.ndarray]]:
    """A chain of layers: each term is the product of two neighbours' widths."""
    ends = list(itertools.accumulate(widths, initial=0))
    axes = [np.arange(a, b) for a, b in itertools.pairwise(ends)]
    terms = [Term("", k, pair) for k, pair in enumerate(itertools.pairwise(axes), 1)]
    return CostTracker(terms, [], np.arange(ends[-1])), axes


@pytest.mark.parametrize("seed", range(5))
def test_each_unit_is_the_cheapest_of_those_left_when_it_goes(seed: int) -> None:
    random = np.random.default_rng(seed)
    tracker, axes = chain([5, 4, 6, 3])
    scores = dict(enumerate(random.random(sum(map(len, axes)))))
    left, widths = set(scores), [len(axis) for axis in axes]
    layer = {label: place for place, axis in enumerate(axes) for label in axis.tolist()}

    def saving(label: int) -> int:  # k · a · b for each pair of neighbours
        place = layer[label]
        before = place * widths[place - 1] if place else 0
        after = (place + 1) * widths[place + 1] if place + 1 < len(widths) else 0
        return before + after

    for unit in by_cost(tracker, [(score, (label,)) for label, score in scores.items()]):
        (label,) = unit
        quotients = {one: scores[one] / saving(one) if saving(one) else np.inf for one in left}
        assert quotients[label] == min(quotients.values())
        tracker.drop(unit)
        left.discard(label)
        widths[layer[label]] -= 1
    assert not left
    assert tracker.cost == 0


def test_a_unit_costs_the_scores_of_all_its_classes() -> None:
    tracker, (first, second) = chain([4, 4])
    pair, single = tuple(first[:2].tolist()), (int(second[0]),)
    scores = {1.0: 0.9, 0.8: 1.0}  # of the pair, that saves 8 with 2 classes; of the single, 4
    for other, mean in scores.items():
        units = [*by_cost(tracker, [(mean, pair), (other, single)])]
        assert units == ([pair, single] if 2 * mean / 8 < other / 4 else [single, pair])


def test_a_dear_channel_goes_before_cheap_ones_of_the_same_score() -> None:
    torch.manual_seed(0)
    model = nn.Sequential(
        nn.Conv2d(3, 16, 3, padding=1), nn.ReLU(), nn.Conv2d(16, 16, 3, padding=1), nn.ReLU(),
        nn.Conv2d(16, 64, 1), nn.ReLU(), nn.Conv2d(64, 2, 1),
    )  # fmt: skip
    options = {"budget": {"macs": 0.7}, "importance": "random", "normalize": False}
    images = torch.rand(1, 3, 16, 16)
    plain = segprune.make_plan(model, images, **options)
    priced = segprune.make_plan(model, images, **options, cost_aware=True)
    gone = {}
    for name, plan in (("plain", plain), ("priced", priced)):
        small = segprune.prune(model, plan)
        assert segprune.verify(model, small, plan, images) == ()
        gone[name] = sum(c.out_channels for c in small if isinstance(c, nn.Conv2d))
        assert segprune.cost(small, images).macs <= 0.7 * segprune.cost(model, images).macs
    assert gone["priced"] > gone["plain"]  # the same MACs go with fewer channels


@pytest.mark.parametrize("where", [{"scope": "local"}, {"layers": {"0": 0.5}}])
def test_where_layers_are_not_ranked_against_each_other_it_is_refused(
    where: dict[str, object],
) -> None:
    with pytest.raises(InputError, match="cost_aware"):
        segprune.PruneConfig(cost_aware=True, **where)  # type: ignore[arg-type]
