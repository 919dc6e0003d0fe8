"""Faults that no run of a network shows: what is saved, which modules are one, what a plan says."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import segprune


class Gate(nn.Module):
    """A module without tensors, of which a network has two."""

    def forward(self, x: Tensor) -> Tensor:
        return x.sigmoid() * x


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.a, self.n, self.head = nn.Conv2d(3, 12, 3), nn.BatchNorm2d(12), nn.Conv2d(12, 4, 1)
        self.first, self.second, self.third = Gate(), Gate(), nn.Identity()
        self.again = self.third
        self.register_buffer("scale", torch.ones(12, 1, 1), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        y = self.first(self.second(self.n(self.a(x)))) * self.scale
        return self.head(self.again(self.third(y)))


X = torch.rand((1, 3, 16, 16), generator=torch.Generator().manual_seed(0))


@functools.cache
def dense() -> tuple[nn.Module, segprune.PrunePlan]:
    network = Net().eval()
    return network, segprune.make_plan(network, X, budget={"channels": 0.5}, min_channels=1)


def test_the_right_pruning_is_proved() -> None:
    network, plan = dense()
    assert segprune.verify(network, segprune.prune(network, plan), plan, X) == ()


def one_for_two(small: Any) -> None:
    small.second = small.first


def two_for_one(small: Any) -> None:
    small.again = nn.Identity().eval()


def left_out_of_the_state_dict(small: Any) -> None:
    small.n._non_persistent_buffers_set.add("running_mean")


def put_into_the_state_dict(small: Any) -> None:
    small._non_persistent_buffers_set.clear()


@pytest.mark.parametrize(
    ("change", "where"),
    [
        (one_for_two, "first"),
        (two_for_one, "third"),
        (left_out_of_the_state_dict, "n.running_mean"),
        (put_into_the_state_dict, "scale"),
    ],
)
def test_what_shows_in_no_run_is_found_and_named(change: Callable[[Any], None], where: str) -> None:
    network, plan = dense()
    small = segprune.prune(network, plan)
    change(small)
    found = segprune.verify(network, small, plan, X)
    assert ("behaviour", where) in {(violation.kind, violation.where) for violation in found}


@pytest.mark.parametrize("follows_the_plan", [False, True])
def test_a_plan_whose_counts_are_not_those_of_its_tensors_proves_no_network(
    follows_the_plan: bool,
) -> None:
    network, plan = dense()
    wrong = dataclasses.replace(plan, attributes={**plan.attributes, "a": {"out_channels": 3}})
    small = segprune.prune(network, wrong if follows_the_plan else plan)
    found = segprune.verify(network, small, wrong, X)
    assert [(violation.kind, violation.where) for violation in found] == [
        ("attribute", "a.out_channels")
    ]


@pytest.mark.parametrize("rows", [(0.5, 1.5), ("0", "1"), (None,)])
def test_indices_that_are_no_whole_numbers_are_refused(rows: Any) -> None:
    with pytest.raises(segprune.PlanError, match="indices"):
        dataclasses.replace(dense()[1], kept={"a.weight": {0: rows}})


@pytest.mark.parametrize("field", ["network", "result"])
def test_a_digest_that_is_no_text_is_refused(field: str) -> None:
    with pytest.raises(segprune.PlanError, match=f"{field}.*found 7"):
        dataclasses.replace(dense()[1], **{field: 7})
