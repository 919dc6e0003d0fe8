"""Everything that takes a plan refuses one that does not fit, with a clear message."""

from __future__ import annotations

import dataclasses
import functools
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import oracle
import segprune
from segprune.core.surgery import select

X = torch.rand(1, 3, 8, 8, generator=torch.Generator().manual_seed(0))


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.a, self.norm = nn.Conv2d(3, 16, 3, padding=1), nn.BatchNorm2d(16)
        self.b, self.twin = nn.Conv2d(16, 16, 1), nn.Conv2d(16, 16, 1)
        self.twin.weight = self.b.weight
        self.head, self.width = nn.Conv2d(16, 5, 1), 16

    def forward(self, x: Tensor) -> Tensor:
        x = self.norm(self.a(x))
        y = self.b(x).tanh() + self.twin(x)
        return self.head(y.view(len(y), self.width, -1).view_as(y))


@functools.cache
def planned() -> tuple[nn.Module, segprune.PrunePlan]:
    dense = Net().eval()
    return dense, segprune.make_plan(dense, X, scope={"*": 0.5})


KEPT: dict[str, tuple[str, dict[int, Any]]] = {
    "a tensor of no network": ("zzz.weight", {0: (0, 1)}),
    "one index too many": ("a.weight", {0: (0, 1, 2, 3, 4, 5, 6, 16)}),
    "an index far beyond": ("norm.weight", {0: (0, 1, 2, 3, 4, 5, 6, 10_000)}),
    "a negative index": ("a.weight", {0: (-1, 1, 2, 3, 4, 5, 6, 7)}),
    "falling indices": ("a.weight", {0: (0, 2, 1, 3, 4, 5, 6, 7)}),
    "the same index twice": ("a.weight", {0: (0, 1, 1, 3, 4, 5, 6, 7)}),
    "the same last index twice": ("a.weight", {0: (0, 1, 2, 3, 4, 5, 15, 15)}),
    "no index": ("a.weight", {0: ()}),
    "a dimension too many": ("norm.weight", {1: (0,)}),
    "a negative dimension": ("norm.weight", {-1: (0, 1, 2, 3, 4, 5, 6, 7)}),
    "a tie cut in two ways": ("twin.weight", {0: (0, 1, 2, 3, 4, 5, 6, 7), 1: (0, 1)}),
}
ATTRIBUTES: dict[str, tuple[str, dict[str, Any]]] = {
    "a module of no network": ("zzz", {"width": 8}),
    "an attribute of no module": ("", {"breadth": 8}),
    "an attribute that is no count": ("norm", {"eps": 1}),
    "a place beyond a list": ("", {"width[3]": 8}),
    "a negative count": ("", {"width": -8}),
    "more than there were": ("", {"width": 17}),
    "a word for a count": ("", {"width": "8"}),
}


def changed(case: str) -> segprune.PrunePlan:
    plan = planned()[1]
    if case in KEPT:
        name, dims = KEPT[case]
        return dataclasses.replace(plan, kept={**plan.kept, name: dims})
    if case in ATTRIBUTES:
        name, values = ATTRIBUTES[case]
        return dataclasses.replace(plan, attributes={**plan.attributes, name: values})
    return dataclasses.replace(plan, result="0" * 64)


CASES = (*KEPT, *ATTRIBUTES, "another result")


@pytest.mark.parametrize("case", CASES)
def test_verification_finds_what_does_not_fit(case: str) -> None:
    dense, plan = planned()
    found = segprune.verify(dense, segprune.prune(dense, plan), changed(case), X)
    assert {violation.kind for violation in found} == {"plan"}
    named = next(iter((KEPT | ATTRIBUTES).get(case, ("result",))))
    assert any(violation.where.startswith(named) for violation in found)


@pytest.mark.parametrize("act", [segprune.prune, segprune.mask])
@pytest.mark.parametrize("case", CASES)
def test_no_network_is_made_by_a_plan_that_does_not_fit(case: str, act: Any) -> None:
    with pytest.raises(segprune.PruneError, match="plan: "):
        act(planned()[0], changed(case))


def test_a_plan_that_fits_is_carried_out() -> None:
    dense, plan = planned()
    assert plan.attributes == {"": {"width": 8}}
    assert segprune.verify(dense, segprune.prune(dense, plan), plan, X) == ()


@pytest.mark.parametrize(
    "dims",
    [{0: (0, 4)}, {0: (4,)}, {0: (-1,)}, {0: (1, 0)}, {0: (1, 1)}, {0: ()}, {2: (0,)}, {-1: (0,)}],
    ids=str,
)
def test_a_selection_outside_of_its_tensor_is_refused(dims: dict[int, tuple[int, ...]]) -> None:
    with pytest.raises(segprune.PruneError, match="select: "):
        select(torch.zeros(4, 4), dims)


def test_a_selection_up_to_the_last_index_is_made() -> None:
    whole = torch.arange(16.0).view(4, 4)
    assert torch.equal(
        select(whole, {0: (1, 3), 1: (0, 3)}), oracle.select(whole, {0: (1, 3), 1: (0, 3)})
    )


@pytest.mark.parametrize(
    "kept", [{"a.weight": {0: "abc"}}, {"a.weight": 3}, {"a.weight": {"x": (0,)}}, 3], ids=str
)
def test_a_plan_of_another_form_is_refused(kept: Any) -> None:
    with pytest.raises(segprune.PlanError, match="plan: expected kept"):
        dataclasses.replace(planned()[1], kept=kept)


def test_plans_whose_indices_do_not_follow_each_other_are_not_composed() -> None:
    dense, first = planned()
    small = segprune.prune(dense, first)
    second = segprune.make_plan(small, X, scope={"a": 0.5})
    kept = {**second.kept, "a.weight": {0: (0, 1, 2, 8)}}
    with pytest.raises(segprune.PlanError, match=r"a\.weight"):
        first.then(dataclasses.replace(second, kept=kept))


def test_violations_come_in_the_networks_order() -> None:
    """Their order does not depend on the seed of Python's hashes, as that of a set would."""
    dense = nn.Sequential(*(nn.Conv2d(3, 3, 1) for _ in range(12))).eval()
    plan = segprune.make_plan(dense, X, scope={"*": 1.0})
    small: Any = segprune.prune(dense, plan)
    for layer in small:
        layer.weight.data += 1
        layer.bias.requires_grad_(False)
        layer.note = layer.padding_mode = "reflect"
    found = segprune.verify(dense, small, plan, X)
    for kind, leaf in (("value", "weight"), ("gradient", "bias"), ("attribute", "padding_mode")):
        places = [violation.where for violation in found if violation.kind == kind]
        assert places[:12] == [f"{number}.{leaf}" for number in range(12)]
    for layer in small:
        layer.weight.data = layer.weight.data[:2]
    shapes = [v.where for v in segprune.verify(dense, small, plan, X) if v.kind == "shape"]
    assert shapes == [f"{number}.weight" for number in range(12)]


def test_a_stored_count_may_become_one_and_not_less() -> None:
    plan = segprune.PrunePlan("a", {}, {"head": {"groups": 1}}, "b")
    assert segprune.PrunePlan.from_json(plan.to_json()) == plan
    empty = segprune.PrunePlan("a", {}, {"head": {"groups": 0}}, "b")
    with pytest.raises(segprune.PlanError, match="at least 1"):
        segprune.PrunePlan.from_json(empty.to_json())


def test_a_plan_is_empty_where_no_tensor_changes() -> None:
    assert segprune.PrunePlan("a", {}, {}, "a").is_empty
    assert not segprune.PrunePlan("a", {"w": {0: (0,)}}, {}, "b").is_empty
