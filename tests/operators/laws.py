"""Laws that hold for every operator of the rule table, in a small network beside a convolution.

Each module of `core/rules` has a file in `tests/core/rules` that imports these tests; `conftest.py`
there gives them the operators of that module.
"""

from __future__ import annotations

import functools
from typing import Any

import pytest
import torch

import oracle
import segprune
from operators import BRANCHES, Beside, Case

IMAGE = torch.zeros(1, 3, 6, 6)
HALF = {"*": 0.5}


@functools.cache
def traced(case: Case) -> tuple[Beside, Any]:
    """Return the network that calls the operator, and its graph: shared, so never written to."""
    network = Beside(case)
    return network, segprune.trace(network, IMAGE, settle=case.trials)


def test_a_network_with_the_operator_computes_what_its_twin_does(case: Case) -> None:
    network, graph = traced(case)
    called = {node.name for program in graph.state.programs for node in program.nodes}
    assert case.operator in called
    compare(network, graph, seed=0)


def compare(network: Beside, graph: Any, seed: int) -> None:
    """Compare each branch by itself: the largest would hide an error in the others."""
    options: Any = {"importance": "random", "seed": seed, "min_channels": 1}
    plan = segprune.make_plan(network, graph, scope=HALF, **options)
    assert "stem.weight" in plan.kept
    inputs = oracle.fresh(IMAGE, seed=seed, dtype=torch.float64)
    found = oracle.run(segprune.prune(network, plan).double(), inputs)
    expected = oracle.run(oracle.twin(network, plan.kept).double(), inputs)
    for branch, ours, theirs in zip(("side", *BRANCHES), found, expected, strict=True):
        assert bool(torch.isfinite(theirs).all()), branch
        assert oracle.difference(ours, theirs) < oracle.EXACT, branch


def test_channels_can_go_beside_the_operator_exactly_where_zero_stays_zero(case: Case) -> None:
    _, graph = traced(case)
    free = {layer.name.split(".")[1][0] for layer in graph.layers if is_beside(layer)}
    assert free == set(case.free), graph.summary()


def is_beside(layer: Any) -> bool:
    return bool(layer.name.startswith("branches") and layer.name.endswith(".a") and layer.free)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(1, 3))
def test_the_law_holds_for_other_channels_and_other_weights(case: Case, seed: int) -> None:
    network = Beside(case, seed)
    compare(network, segprune.trace(network, IMAGE), seed)
