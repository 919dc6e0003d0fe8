"""A plan follows from a network, its graph and a config; it says where it departs from them."""

from __future__ import annotations

import inspect
from dataclasses import fields

import pytest
import torch
from torch import nn

import segprune
from segprune.core.planning.make_plan import departures
from segprune.errors import PlanError

X = torch.rand(1, 3, 16, 16)


def network(width: int = 16) -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(3, width, 3), nn.ReLU(), nn.Conv2d(width, 12, 1), nn.ReLU(), nn.Conv2d(12, 4, 1)
    ).eval()


def test_the_options_are_the_fields_of_a_config_with_its_defaults() -> None:
    options = inspect.signature(segprune.make_plan).parameters
    for field in fields(segprune.PruneConfig):
        assert options[field.name].default == field.default, field.name
    extra = {"model", "example_inputs", "calibration", "loss", "config"}
    assert set(options) == extra | {field.name for field in fields(segprune.PruneConfig)}


def test_a_graph_makes_the_plan_that_example_inputs_make() -> None:
    model = network()
    assert segprune.make_plan(model, X) == segprune.make_plan(model, segprune.trace(model, X))


def test_the_graph_of_another_network_is_refused() -> None:
    with pytest.raises(PlanError, match=r"graph: expected one traced from this Sequential"):
        segprune.make_plan(network(), segprune.trace(network(8), X))


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_weights_that_are_not_finite_are_refused_by_name(value: float) -> None:
    model = network()
    with torch.no_grad():
        model[2].weight[0, 0] = value
    with pytest.raises(PlanError, match=r"2\.weight"):
        segprune.make_plan(model, X)


def test_two_mappings_of_layers_are_refused() -> None:
    with pytest.raises(PlanError, match="leave scope out"):
        segprune.make_plan(network(), X, scope={"0": 0.5}, layers={"0": 0.5})


def test_ignored_layers_keep_all_channels() -> None:
    model = network()
    plan = segprune.make_plan(model, X, budget={"channels": 0.75}, ignored_layers=[model[0]])
    small = segprune.prune(model, plan)
    assert small[0].out_channels == 16
    assert small[2].out_channels < 12


def test_a_plan_that_does_what_was_asked_has_no_departures() -> None:
    plan = segprune.make_plan(network(), X, budget={"channels": 0.5})
    assert [*departures(plan.notes)] == []


def test_a_budget_between_two_steps_is_a_departure_with_its_neighbours() -> None:
    plan = segprune.make_plan(network(), X, budget={"channels": 0.6}, round_to=8)
    (sentence,) = departures(plan.notes)
    widths = [module.out_channels for module in segprune.prune(network(), plan)[:3:2]]
    assert sentence.startswith("60 % of the prunable channels")
    assert f"{100 * sum(widths) / 28:.4g} % stay" in sentence


def test_missed_shares_are_named_and_a_long_list_is_cut() -> None:
    missed = {f"layer{n}": {"asked": 0.25, "kept": 0.5} for n in range(5)}
    (sentence,) = departures({"missed_shares": missed})
    assert "layer0 keeps 50 % of its channels (25 %), layer1 keeps" in sentence
    assert "layer2" in sentence
    assert "layer3" not in sentence
    assert "and 2 more layers" in sentence
