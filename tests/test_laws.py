"""Laws over random networks. Twins, MACs and gradients come from the tests' own oracle."""

from __future__ import annotations

import copy
import functools
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
import torch
from hypothesis import assume, event, example, given
from hypothesis import strategies as st
from torch import Tensor, nn

import oracle
import segprune
from segprune.errors import BudgetError
from strategies import Spec, Stage, specs

FRACTIONS = st.sampled_from((0.35, 0.5, 0.7, 0.9))
IMPORTANCES = st.sampled_from(("magnitude", "random", "fpgm"))
SCOPES = st.sampled_from(("global", "local"))


@functools.lru_cache(maxsize=64)
def traced(spec: Spec) -> tuple[nn.Module, Tensor, Any]:
    """The network with random statistics, its example, its graph: shared, so never written to."""
    network, example = oracle.randomise(spec.build(), spec.seed), spec.example()
    return network, example, segprune.trace(network, example)


def plan_for(spec: Spec, fraction: float, **options: Any) -> Any:
    """A plan for that share of the MACs, or for the nearest share that coarse labels allow."""
    network, _, graph = traced(spec)
    return plan_of(network, graph, fraction, **options)


def plan_of(network: nn.Module, graph: Any, fraction: float, **options: Any) -> Any:
    for share in (fraction, 0.6, 0.75, 0.9):
        for step in (1, 2):
            try:
                return segprune.make_plan(
                    network, graph, budget={"macs": share}, round_to=step, **options
                )
            except BudgetError:
                event("budget out of reach")
    return segprune.make_plan(network, graph, budget={"macs": 1.0}, **options)


@given(specs(), FRACTIONS, IMPORTANCES, SCOPES, st.integers(0, 9))
def test_a_pruned_network_computes_what_its_masked_twin_computes(
    spec: Spec, fraction: float, importance: str, scope: str, seed: int
) -> None:
    network, example, _ = traced(spec)
    plan = plan_for(spec, fraction, importance=importance, scope=scope, seed=seed)
    event("empty" if plan.is_empty else "prunes")
    pruned = segprune.prune(network, plan)
    assert oracle.distance_in_float64(network, pruned, plan.kept, example) < oracle.EXACT
    for name, tensor in pruned.state_dict().items():
        expected = oracle.select(network.state_dict()[name], plan.kept.get(name, {}))
        assert torch.equal(tensor, expected), name


@given(specs(), FRACTIONS)
def test_the_law_holds_at_sizes_that_were_not_traced(spec: Spec, fraction: float) -> None:
    network, _, _ = traced(spec)
    plan = plan_for(spec, fraction)
    larger = torch.zeros(1, 3, 48, 64)
    pruned = segprune.prune(network, plan)
    assert oracle.distance_in_float64(network, pruned, plan.kept, larger) < oracle.EXACT


@given(specs(), FRACTIONS)
def test_the_mask_zeroes_exactly_the_slots_that_are_not_kept(spec: Spec, fraction: float) -> None:
    network, _, _ = traced(spec)
    plan = plan_for(spec, fraction)
    found = segprune.mask(network, plan).state_dict()
    expected = oracle.twin(network, plan.kept).state_dict()
    assert found.keys() == expected.keys()
    assert all(torch.equal(found[name], expected[name]) for name in found)


@given(specs(), FRACTIONS)
def test_gradients_of_the_pruned_network_are_the_twins_at_the_kept_indices(
    spec: Spec, fraction: float
) -> None:
    network, example, _ = traced(spec)
    plan = plan_for(spec, fraction)
    found = oracle.gradients(segprune.prune(network, plan), example, train=False)
    expected = oracle.gradients(oracle.twin(network, plan.kept), example, train=False)
    assert found.keys() == expected.keys()
    scale = max(float(gradient.abs().max()) for gradient in expected.values())
    for name, gradient in found.items():
        wanted = oracle.select(expected[name], plan.kept.get(name, {}))
        assert torch.allclose(gradient, wanted, rtol=1e-8, atol=1e-10 * scale), name


@given(specs(), FRACTIONS)
def test_a_pruned_network_takes_a_training_step_where_the_dense_one_does(
    spec: Spec, fraction: float
) -> None:
    network, example, _ = traced(spec)
    pruned = segprune.prune(network, plan_for(spec, fraction))
    dense = oracle.gradients(network, example, train=True)
    found = oracle.gradients(pruned, example, train=True)
    assert found.keys() == dense.keys()
    assert all(bool(torch.isfinite(gradient).all()) for gradient in found.values())


@given(specs())
def test_an_empty_plan_is_the_bitwise_identity(spec: Spec) -> None:
    network, example, graph = traced(spec)
    plan = segprune.make_plan(network, graph, budget={"macs": 1.0})
    assert plan.is_empty
    assert not plan.kept
    assert not plan.attributes
    same = segprune.prune(network, plan)
    for name, tensor in network.state_dict().items():
        assert torch.equal(same.state_dict()[name], tensor), name
    found, expected = oracle.run(same, example), oracle.run(network, example)
    pairs = zip(oracle.leaves(found), oracle.leaves(expected), strict=True)
    assert all(torch.equal(a, b) for a, b in pairs)


@given(specs(), FRACTIONS)
def test_the_cost_is_what_torch_counts(spec: Spec, fraction: float) -> None:
    network, example, _ = traced(spec)
    for net in (network, segprune.prune(network, plan_for(spec, fraction))):
        cost = segprune.cost(net, example)
        assert cost.macs == oracle.counted_macs(net, example)
        assert cost.params == oracle.counted_parameters(net)
        assert sum(layer.macs for layer in cost.layers) <= cost.macs
        assert cost.activation_bytes > 0


@given(specs(least=2, most=4), FRACTIONS, st.sampled_from(("macs", "params")))
def test_a_budget_is_hit_within_one_percent_or_met_from_below_or_out_of_reach(
    spec: Spec, fraction: float, unit: str
) -> None:
    network, example, graph = traced(spec)
    try:
        plan = segprune.make_plan(network, graph, budget={unit: fraction})
    except BudgetError as error:
        event("refused")
        refusal = str(error)
        assert "smallest reachable is 0." in refusal
        return
    event("met")
    pruned = segprune.prune(network, plan)
    if unit == "macs":
        dense, left = (oracle.counted_macs(net, example) for net in (network, pruned))
    else:
        dense, left = (oracle.counted_parameters(net) for net in (network, pruned))
    assert left <= fraction * dense
    reached = plan.notes.get("reached", {}).get(unit)
    if reached is None:
        assert left > (fraction - 0.01) * dense
    else:
        event("met from below")
        assert left <= (fraction - 0.01) * dense
        assert left == pytest.approx(reached * dense)
        assert plan.notes["nearest_above"][unit] > fraction


@given(specs(), FRACTIONS)
def test_plans_survive_json(spec: Spec, fraction: float) -> None:
    plan = plan_for(spec, fraction)
    again = segprune.PrunePlan.from_json(plan.to_json())
    assert again == plan
    assert again.digest == plan.digest
    assert hash(again) == hash(plan)
    assert as_lists(again.kept) == as_lists(plan.kept)
    assert dict(again.attributes) == dict(plan.attributes)
    assert again.to_json() == plan.to_json()


def as_lists(kept: Mapping[str, Mapping[int, tuple[int, ...]]]) -> dict[str, Any]:
    return {name: {dim: list(i) for dim, i in dims.items()} for name, dims in kept.items()}


@given(specs(), FRACTIONS)
def test_artefacts_give_back_the_same_outputs_bit_for_bit(spec: Spec, fraction: float) -> None:
    network, example, _ = traced(spec)
    plan = plan_for(spec, fraction)
    pruned = segprune.prune(network, plan)
    with TemporaryDirectory() as folder:
        path = Path(folder) / "small.safetensors"
        segprune.save(path, pruned, plan)
        loaded = segprune.load(path, spec.build())
    found, expected = oracle.run(loaded, example), oracle.run(pruned, example)
    pairs = zip(oracle.leaves(found), oracle.leaves(expected), strict=True)
    assert all(torch.equal(a, b) for a, b in pairs)


@given(specs(least=2), st.sampled_from(((0.8, 0.5), (0.6, 0.55), (0.9, 0.35))))
def test_one_shot_plans_nest(spec: Spec, fractions: tuple[float, float]) -> None:
    network, _, graph = traced(spec)
    try:
        large, small = (
            segprune.make_plan(network, graph, budget={"macs": fraction}) for fraction in fractions
        )
    except BudgetError:
        assume(False)
    assume("reached" not in large.notes and "reached" not in small.notes)  # steps too coarse
    for name, dims in large.kept.items():
        for dim, indices in dims.items():
            assert set(small.kept[name][dim]) <= set(indices), (name, dim)


@given(specs(), FRACTIONS)
def test_nothing_that_is_handed_in_is_changed_or_shared(spec: Spec, fraction: float) -> None:
    network, example = spec.build().train(), spec.example()
    network.stem.eval()
    before, image = oracle.snapshot(network), example.clone()
    modes = [module.training for module in network.modules()]
    parts = {name: type(module) for name, module in network.named_modules()}
    noise = torch.random.get_rng_state()
    graph = segprune.trace(network, example)
    plan = plan_of(network, graph, fraction)
    pruned, masked = segprune.prune(network, plan), segprune.mask(network, plan)
    small = oracle.snapshot(pruned)
    segprune.verify(network, pruned, plan, graph)
    segprune.cost(network, example)
    assert torch.equal(torch.random.get_rng_state(), noise)
    assert torch.equal(example, image)
    assert [module.training for module in network.modules()] == modes
    assert {name: type(module) for name, module in network.named_modules()} == parts
    assert [module.training for module in pruned.modules()] == modes
    assert all(p.grad is None for net in (network, pruned) for p in net.parameters())
    for state, net in ((before, network), (small, pruned)):
        assert net.state_dict().keys() == state.keys()
        assert all(torch.equal(net.state_dict()[name], state[name]) for name in state)
    assert not oracle.storages(network) & oracle.storages(pruned)
    assert not oracle.storages(network) & oracle.storages(masked)
    assert not oracle.storages(pruned) & oracle.storages(masked)


@given(specs(), IMPORTANCES)
def test_three_rounds_in_a_row_are_one_plan_from_the_dense_network(
    spec: Spec, importance: str
) -> None:
    network, example, _ = traced(spec)
    small, whole = network, None
    for round_ in range(3):
        options: dict[str, Any] = {"importance": importance, "seed": round_}
        plan = plan_of(small, segprune.trace(small, example), 0.85, **options)
        whole = plan if whole is None else whole.then(plan)
        small = segprune.prune(small, plan)
    assert whole is not None
    at_once = segprune.prune(network, whole)
    assert at_once.state_dict().keys() == small.state_dict().keys()
    for name, tensor in at_once.state_dict().items():
        assert torch.equal(tensor, small.state_dict()[name]), name
    assert oracle.distance_in_float64(network, at_once, whole.kept, example) < oracle.EXACT
    assert oracle.untruths(at_once) == oracle.untruths(network)


@given(specs(), FRACTIONS)
def test_verification_finds_nothing_in_a_correct_pruning(spec: Spec, fraction: float) -> None:
    network, _, graph = traced(spec)
    plan = plan_for(spec, fraction)
    pruned = segprune.prune(network, plan)
    assert segprune.verify(network, pruned, plan, graph) == ()


@given(specs(), FRACTIONS)
def test_verification_finds_nothing_after_training_the_pruned_network(
    spec: Spec, fraction: float
) -> None:
    network, _, graph = traced(spec)
    plan = plan_for(spec, fraction)
    pruned = segprune.prune(network, plan)
    rng = torch.Generator().manual_seed(0)
    for parameter in pruned.parameters():
        parameter.data += 0.02 * torch.randn(parameter.shape, generator=rng)
    assert segprune.verify(network, pruned, plan, graph, trained=True) == ()


@given(specs(), FRACTIONS)
def test_module_attributes_tell_the_truth(spec: Spec, fraction: float) -> None:
    network, _, _ = traced(spec)
    pruned = segprune.prune(network, plan_for(spec, fraction))
    assert oracle.untruths(pruned) == oracle.untruths(network)


@given(specs(), st.sampled_from((0.3, 0.6)))
@example(Spec(16, (Stage("MultiheadModule", 16, "chain"),), "logits", 2, 0), 0.3)
def test_no_layer_falls_below_its_floor_or_loses_frozen_channels(
    spec: Spec, fraction: float
) -> None:
    network, _, graph = traced(spec)
    pruned = segprune.prune(network, plan_for(spec, fraction, importance="random"))
    modules, parameters = dict(pruned.named_modules()), dict(pruned.named_parameters())
    for layer in graph.layers:  # named after a bare parameter where no module of its own holds it
        module = modules.get(layer.name)
        rows = oracle.rows(module) if module else len(parameters[layer.name])
        assert rows >= layer.channels - layer.free, layer
        assert rows >= min(layer.channels, max(4, 0.1 * layer.channels)), layer


@given(specs())
def test_frozen_channels_come_with_a_reason_in_words(spec: Spec) -> None:
    _, _, graph = traced(spec)
    held = {layer.name for layer in graph.layers if layer.free < layer.channels}
    named = {name for frozen in graph.frozen for name in frozen.layers}
    assert held - {"head", "side"} <= named
    assert all(len(frozen.reason.split()) >= 3 for frozen in graph.frozen)
    assert 0 <= graph.free_share <= 1


@given(specs(), FRACTIONS)
def test_the_same_call_gives_the_same_plan(spec: Spec, fraction: float) -> None:
    first = plan_for(spec, fraction, importance="random", seed=3)
    again = segprune.trace(spec.build(), spec.example())
    try:
        second = segprune.make_plan(
            traced(spec)[0], again, budget={"macs": fraction}, importance="random", seed=3
        )
    except BudgetError:
        return
    assert first == second


@given(specs(), FRACTIONS)
def test_a_deep_copy_prunes_like_the_original(spec: Spec, fraction: float) -> None:
    network, _, _ = traced(spec)
    plan = plan_for(spec, fraction)
    first = segprune.prune(network, plan).state_dict()
    second = segprune.prune(copy.deepcopy(network), plan).state_dict()
    assert all(torch.equal(first[name], second[name]) for name in first)
