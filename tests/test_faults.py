"""Every planted fault turns verification red, and the untouched pruning does not."""

from __future__ import annotations

import copy
import functools
from typing import Any

import pytest
import torch

import oracle
import segprune
from faults import FAULTS, Case, Fault, Patient
from sampled import some_slow
from segprune.core.verification.verify import KINDS


@functools.cache
def correct() -> tuple[Case, Any]:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        dense = oracle.randomise(Patient()).eval()
    example = torch.randn(1, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    graph = segprune.trace(dense, example)
    plan = segprune.make_plan(dense, graph, importance="random", scope="local")
    return Case(dense, segprune.prune(dense, plan), plan), graph


def planted(fault: Fault) -> Case:
    case, _ = correct()
    own = Case(copy.deepcopy(case.dense), segprune.prune(case.dense, case.plan), case.plan)
    return fault.plant(own) or own


@functools.cache
def green(trained: bool) -> bool:
    case, graph = correct()
    assert segprune.verify(case.dense, case.pruned, case.plan, graph, trained=trained) == ()
    return True


def test_the_patient_is_pruned_wherever_a_fault_may_hit() -> None:
    case, _ = correct()
    names = (
        "stem.0.weight", "deep.weight", "point.weight", "act.weight", "mixed.weight",
        "twin_a.weight", "join.0.weight", "join.1.running_mean", "up.weight", "scale",
        "head.weight", "aux.0.0.weight",
    )  # fmt: skip
    assert set(names) <= set(case.plan.kept)
    assert {0, 1} <= set(case.plan.kept["join.0.weight"])


@pytest.mark.parametrize("fault", some_slow(FAULTS, 2), ids=str)
def test_a_planted_fault_is_found_and_named(fault: Fault) -> None:
    assert green(trained=False)
    case = planted(fault)
    found = segprune.verify(case.dense, case.pruned, case.plan, correct()[1])
    assert fault.kind in {violation.kind for violation in found}, found
    assert all(violation.message and violation.kind in KINDS for violation in found)


@pytest.mark.slow
@pytest.mark.parametrize("fault", [f for f in FAULTS if f.survives_training], ids=str)
def test_a_fault_that_is_no_matter_of_values_is_found_after_training_too(fault: Fault) -> None:
    assert green(trained=True)
    case = planted(fault)
    found = segprune.verify(case.dense, case.pruned, case.plan, correct()[1], trained=True)
    assert fault.kind in {violation.kind for violation in found}, found


@pytest.mark.parametrize("fault", [f for f in FAULTS if f.keeps_shapes], ids=str)
def test_a_fault_that_promises_right_shapes_keeps_them(fault: Fault) -> None:
    case = planted(fault)
    state = case.pruned.state_dict()
    for name, tensor in case.dense.state_dict().items():
        expected = oracle.select(tensor, case.plan.kept.get(name, {})).shape
        assert state[name].shape == expected, name


def test_the_catalogue_is_long_and_a_third_of_it_keeps_every_shape_right() -> None:
    assert len(FAULTS) >= 30
    assert len({fault.name for fault in FAULTS}) == len(FAULTS)
    assert sum(fault.keeps_shapes for fault in FAULTS) >= len(FAULTS) / 3
    assert {fault.kind for fault in FAULTS} == set(KINDS)


@pytest.mark.parametrize("trained", [False, True])
def test_verification_is_repeatable_and_changes_neither_network(trained: bool) -> None:
    case, graph = correct()
    before = oracle.snapshot(case.dense), oracle.snapshot(case.pruned)
    noise = torch.random.get_rng_state()
    assert segprune.verify(case.dense, case.pruned, case.plan, graph, trained=trained) == ()
    assert torch.equal(torch.random.get_rng_state(), noise)
    for state, network in zip(before, (case.dense, case.pruned), strict=True):
        assert all(torch.equal(state[n], t) for n, t in network.state_dict().items())


def test_each_fault_names_a_place() -> None:
    case = planted(next(f for f in FAULTS if f.name == "one row has other values"))
    found = segprune.verify(case.dense, case.pruned, case.plan, correct()[1])
    assert any(v.kind == "value" and v.where.startswith("point") for v in found)
