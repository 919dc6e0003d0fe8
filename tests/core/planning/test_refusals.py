"""Budgets, options and plans that do not fit are refused in words."""

from __future__ import annotations

import json
from typing import Any

import pytest
import torch
from torch import nn

import segprune
from networks import Construct, Network
from networks.whole import NamedInputs
from refusals import planned, refuses, unet, words_of
from segprune.errors import (
    BudgetError,
    PlanError,
    SegpruneError,
)

BUDGETS: dict[str, tuple[Any, tuple[str, ...]]] = {
    "zero": ({"macs": 0.0}, ("0.0",)),
    "negative": ({"macs": -0.5}, ("-0.5",)),
    "above one": ({"macs": 1.5}, ("1.5",)),
    "a percentage": ({"params": 50}, ("50",)),
    "not a number": ({"macs": float("nan")}, ("nan",)),
    "a word": ({"macs": "half"}, ("half",)),
    "an unknown unit": ({"flops": 0.5}, ("flops", "macs", "params", "channels")),
    "empty": ({}, ("macs",)),
    "two units": ({"macs": 0.5, "params": 0.5}, ("params",)),
    "no mapping": (0.5, ("0.5",)),
}


@pytest.mark.parametrize("case", BUDGETS)
def test_malformed_budgets_are_refused(case: str) -> None:
    budget, words = BUDGETS[case]
    refuses(lambda: planned(budget=budget), *words)


@pytest.mark.parametrize("unit", ["macs", "params", "channels"])
def test_a_budget_out_of_reach_names_the_smallest_reachable(unit: str) -> None:
    with pytest.raises(BudgetError) as caught:
        planned(budget={unit: 0.0001})
    message = words_of(caught.value)
    assert unit in message
    numbers = [word.strip(".,;:()%") for word in message.split()]
    reachable = [float(n) for n in numbers if n.replace(".", "", 1).isdigit()]
    assert any(0.0001 < number < 1 or 1 < number < 100 for number in reachable), message


def test_the_smallest_reachable_budget_that_a_refusal_names_can_be_reached() -> None:
    with pytest.raises(BudgetError) as caught:
        planned(budget={"params": 0.0001})
    tokens = [word.strip(".,;:()%") for word in words_of(caught.value).split()]
    numbers = [float(t) for t in tokens if t.replace(".", "", 1).isdigit()]
    smallest = min(n for n in numbers if 0.0001 < n < 1)
    assert not planned(budget={"params": min(1.0, smallest + 0.012)}).is_empty


OPTIONS: dict[str, tuple[dict[str, Any], tuple[str, ...]]] = {
    "unknown importance": ({"importance": "magic"}, ("magic", "magnitude")),
    "unknown scope": ({"scope": "universal"}, ("universal", "global", "local")),
    "unknown layer": ({"ignored_layers": ("no.such.layer",)}, ("no.such.layer",)),
    "a stranger's layer": ({"ignored_layers": (nn.Conv2d(3, 3, 1),)}, ("conv2d",)),
    "a scope's glob without layers": (
        {"scope": {"nothing.*": 0.5}, "budget": None}, ("nothing.*",),
    ),
    "a scope's share above one": ({"scope": {"deep.0": 1.5}, "budget": None}, ("1.5",)),
    "a scope and a budget": ({"scope": {"deep.0": 0.5}}, ("budget", "layers")),
    "rounding to zero": ({"round_to": 0}, ("round_to", "0")),
    "rounding to a fraction": ({"round_to": 1.5}, ("round_to", "1.5")),
    "floor above one": ({"floor": 2.0}, ("floor", "2.0")),
    "negative floor": ({"floor": -0.1}, ("floor", "-0.1")),
    "negative minimum": ({"min_channels": -1}, ("min_channels", "-1")),
    "unknown normalisation": ({"normalize": "sideways"}, ("sideways",)),
    "taylor without images": ({"importance": "taylor"}, ("taylor", "calibration")),
    "activation without images": ({"importance": "activation"}, ("activation", "calibration")),
    "no calibration batch": ({"importance": "activation", "calibration": []}, ("calibration",)),
    "calibration of another form": (
        {"importance": "activation", "calibration": [torch.zeros(2, 7, 16, 16)]}, ("calibration",),
    ),
    "calibration of words": (
        {"importance": "activation", "calibration": ["image.png"]}, ("calibration", "str"),
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", OPTIONS)
def test_unknown_options_are_refused_by_name(case: str) -> None:
    options, words = OPTIONS[case]
    refuses(lambda: planned(**({"budget": {"macs": 0.5}} | options)), *words)


def test_a_graph_of_another_network_is_refused() -> None:
    graph = unet()[2]
    other = Construct("NamedInputs", NamedInputs).build()[0]
    refuses(lambda: segprune.make_plan(other, graph, budget={"macs": 0.5}), "network")


@pytest.mark.parametrize("action", ["prune", "mask", "verify"])
def test_a_plan_for_another_network_is_refused(action: str) -> None:
    _, _, _, plan, _ = unet()
    other, example = Construct("Network", Network).build()
    actions = {
        "prune": lambda: segprune.prune(other, plan),
        "mask": lambda: segprune.mask(other, plan),
        "verify": lambda: segprune.verify(other, other, plan, example),
    }
    refuses(actions[action], "network")


def test_a_plan_is_not_applied_twice() -> None:
    _, _, _, plan, pruned = unet()
    refuses(lambda: segprune.prune(pruned, plan), "network", error=SegpruneError)


def test_plans_that_do_not_follow_each_other_are_not_composed() -> None:
    _, _, _, plan, _ = unet()
    refuses(lambda: plan.then(plan), "network", error=PlanError)


def changed(text: str, **entries: Any) -> str:
    return json.dumps(json.loads(text) | entries)


def test_plan_texts_that_are_not_plans_are_refused() -> None:
    text = unet()[3].to_json()
    for wrong in ("", "{", "[]", "null", "{}", text[: len(text) // 2]):
        refuses(lambda wrong=wrong: segprune.PrunePlan.from_json(wrong), "plan", error=PlanError)


def test_a_plan_of_an_unknown_schema_version_is_refused() -> None:
    text = unet()[3].to_json()
    field = next(name for name in json.loads(text) if "schema" in name or "version" in name)
    wrong = changed(text, **{field: 999})
    refuses(lambda: segprune.PrunePlan.from_json(wrong), "999", "schema", error=PlanError)


def test_a_plan_whose_indices_were_edited_is_refused() -> None:
    network, _, _, plan, _ = unet()
    document = json.loads(plan.to_json())
    name, dims = next(iter(document["kept"].items()))
    dim = next(iter(dims))
    for wrong in ([9999], [-1], [0, 0], []):
        document["kept"][name][dim] = wrong
        text = json.dumps(document)
        refuses(lambda text=text: segprune.prune(network, segprune.PrunePlan.from_json(text)))
