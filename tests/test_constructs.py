"""Every construct by itself: pruned to half around it, proved, and free or frozen as promised."""

from __future__ import annotations

import copy
import functools
from typing import Any

import pytest
import torch
from torch import nn

import oracle
import segprune
from networks import GUARDED, REFUSED, Construct, constructs
from sampled import some_slow

ALL = constructs()
FREE = tuple(c for c in ALL if not c.frozen and c.watch)
FROZEN = tuple(c for c in ALL if c.frozen)


def by_name(construct: Construct) -> str:
    return construct.name


@functools.cache
def pruned_to_half(construct: Construct) -> tuple[nn.Module, Any, Any, Any, nn.Module]:
    """Dense network, example, graph, plan and pruned network: shared, so never written to."""
    network, example = construct.build()
    network = oracle.randomise(network)
    graph = segprune.trace(network, example)
    plan = segprune.make_plan(network, graph, budget={"macs": 0.5}, importance="random")
    return network, example, graph, plan, segprune.prune(network, plan)


@pytest.mark.parametrize("construct", some_slow(ALL, 2), ids=by_name)
def test_it_is_pruned_to_half_of_its_macs_and_equals_its_twin(construct: Construct) -> None:
    network, example, _, plan, pruned = pruned_to_half(construct)
    dense, left = (oracle.counted_macs(net, example) for net in (network, pruned))
    assert 0.49 * dense < left <= 0.5 * dense
    assert oracle.distance_in_float64(network, pruned, plan.kept, example) < oracle.EXACT
    assert oracle.untruths(pruned) == []
    assert segprune.cost(pruned, example).macs == left


@pytest.mark.slow  # the twin above says it all of the network; this says it of the verification
@pytest.mark.parametrize("construct", ALL, ids=by_name)
def test_its_pruning_is_verified(construct: Construct) -> None:
    network, _, graph, plan, pruned = pruned_to_half(construct)
    assert segprune.verify(network, pruned, plan, graph) == ()


@pytest.mark.parametrize("construct", ALL, ids=by_name)
def test_its_training_step_reaches_the_same_parameters(construct: Construct) -> None:
    network, example, _, _, pruned = pruned_to_half(construct)
    try:
        dense = oracle.gradients(network, example, train=True)
    except RuntimeError:  # what the dense network cannot do, the pruned one need not
        assert construct.name == "Overwritten"
        return
    assert oracle.gradients(pruned, example, train=True).keys() == dense.keys()


@pytest.mark.parametrize("construct", FREE, ids=by_name)
def test_a_free_construct_loses_channels(construct: Construct) -> None:
    network, example, graph, _, _ = pruned_to_half(construct)
    half = dict.fromkeys(construct.watch, 0.5)
    plan = segprune.make_plan(network, graph, budget=None, scope=half, importance="random")
    pruned = segprune.prune(network, plan)
    before, after = dict(network.named_modules()), dict(pruned.named_modules())
    kept = {name: oracle.rows(after[name]) / oracle.rows(before[name]) for name in construct.watch}
    assert all(0.4 < share <= 0.5 for share in kept.values()), (kept, graph.frozen)
    assert oracle.distance_in_float64(network, pruned, plan.kept, example) < oracle.EXACT


@pytest.mark.parametrize("construct", FROZEN, ids=by_name)
def test_a_frozen_construct_stays_and_the_reason_names_the_line(construct: Construct) -> None:
    network, _, graph, _, pruned = pruned_to_half(construct)
    before, after = dict(network.named_modules()), dict(pruned.named_modules())
    for name in construct.watch:
        assert oracle.rows(after[name]) == oracle.rows(before[name]), name
        assert any(name in frozen.layers for frozen in graph.frozen), (name, graph.frozen)
    if construct.marked():
        assert names_line(graph, construct), graph.frozen


def names_line(graph: Any, construct: Construct) -> bool:
    """Whether a reason points to a line of the construct that is marked as in the way."""
    sources = [f"{frozen.source} " for frozen in graph.frozen]
    return any(f"{line} " in source for line in construct.marked() for source in sources)


def construct(name: str) -> Construct:
    return next(c for c in ALL if c.name == name)


def frozen_rows(graph: Any, name: str) -> int:
    layer = next(layer for layer in graph.layers if layer.name == name)
    return int(layer.channels - layer.free)


def test_a_literal_slice_freezes_its_prefix_or_all_and_says_where() -> None:
    found = construct("LiteralSlice")
    _, _, graph, plan, _ = pruned_to_half(found)
    assert frozen_rows(graph, "block.conv.0") >= 10
    kept = plan.kept.get("block.conv.0.weight", {}).get(0, tuple(range(32)))
    assert set(range(10)) <= set(kept)
    assert names_line(graph, found)


@pytest.mark.parametrize("name", ["StoredChannels", "HeadsStored"])
def test_a_stored_count_is_rewritten_or_frozen_with_its_line(name: str) -> None:
    found = construct(name)
    network, example, graph, _, _ = pruned_to_half(found)
    layer = {"StoredChannels": "block.conv.0", "HeadsStored": "block.q"}[name]
    if frozen_rows(graph, layer):
        assert names_line(graph, found)
        return
    plan = segprune.make_plan(network, graph, budget=None, scope={layer: 0.5})
    assert plan.attributes["block"]
    pruned = segprune.prune(network, plan)
    assert oracle.distance_in_float64(network, pruned, plan.kept, example) < oracle.EXACT


@pytest.mark.parametrize("name", ["LiteralBranch", "LiteralAssert"])
def test_a_question_about_the_channel_count_freezes_what_it_asks_about(name: str) -> None:
    _, _, graph, _, _ = pruned_to_half(construct(name))
    assert frozen_rows(graph, "block.conv.0") == 32
    assert any("block.conv.0" in frozen.layers and frozen.reason for frozen in graph.frozen)


def test_channels_that_are_an_output_stay() -> None:
    network, example, graph, _, pruned = pruned_to_half(construct("ReturnsFeatures"))
    assert frozen_rows(graph, "trunk.0") == 40
    shapes = [[t.shape for t in oracle.leaves(oracle.run(n, example))] for n in (network, pruned)]
    assert shapes[0] == shapes[1]


def test_parameters_that_no_method_reaches_stay_and_are_listed() -> None:
    network, _, graph, plan, pruned = pruned_to_half(construct("Unreached"))
    assert set(graph.unreached) == {"spare.weight", "spare.bias"}
    assert not {"spare.weight", "spare.bias"} & set(plan.kept)
    assert torch.equal(pruned.spare.weight, network.spare.weight)


def test_tied_tensors_are_cut_under_every_name_and_stay_tied() -> None:
    _, _, _, plan, pruned = pruned_to_half(construct("ParameterTwice"))
    assert pruned.block.a.weight is pruned.block.b.weight
    assert plan.kept["block.a.weight"] == plan.kept["block.b.weight"]


def test_auxiliary_heads_follow_the_trunk_and_do_not_count() -> None:
    network, example, _, plan, pruned = pruned_to_half(construct("AuxiliaryMethod"))
    pruned = copy.deepcopy(pruned)
    kept = plan.kept["stem.0.weight"][0]
    assert plan.kept["aux.0.0.weight"][1] == kept
    with torch.no_grad():
        twin = oracle.twin(network, plan.kept).double()
        found = pruned.double().forward_with_aux(example.double())
        expected = twin.forward_with_aux(example.double())
    assert oracle.difference(found, expected) < oracle.EXACT
    assert segprune.cost(network, example).macs == oracle.counted_macs(network, example)


def test_heads_that_only_training_reaches_still_work_in_the_pruned_network() -> None:
    network, example, _, plan, pruned = pruned_to_half(construct("AuxiliaryWhenTraining"))
    images = oracle.fresh(example, batch=3, dtype=torch.float64)
    twin = oracle.twin(network, plan.kept).double().train()
    small = segprune.prune(network, plan).double().train()
    assert oracle.difference(small(images), twin(images)) < 1e-9
    assert oracle.rows(pruned.aux[1]) == 5


@pytest.mark.parametrize("kind", GUARDED, ids=lambda kind: kind.__name__)
def test_a_parametrised_layer_is_frozen_by_name(kind: type[nn.Module]) -> None:
    network, example = Construct(kind.__name__, kind).build()
    graph = segprune.trace(network, example)
    named = [f for f in graph.frozen if "normed" in f"{f.layers} {f.reason}"]
    assert any("parametri" in frozen.reason for frozen in named), graph.frozen
    plan = segprune.make_plan(network, graph, budget={"macs": 0.8})
    pruned = segprune.prune(network, plan)
    assert segprune.verify(network, pruned, plan, graph) == ()


@pytest.mark.parametrize("kind", REFUSED, ids=lambda kind: kind.__name__)
def test_a_network_with_masks_is_refused_by_the_layers_name(kind: type[nn.Module]) -> None:
    network, example = Construct(kind.__name__, kind).build()
    with pytest.raises(segprune.SegpruneError, match=r"trunk\.0"):
        segprune.trace(network, example)


@pytest.mark.parametrize("name", ["UNet", "Residual", "DepthwiseMultiplier", "Plain"])
@pytest.mark.parametrize("multiple", [4, 8])
def test_widths_are_rounded_where_asked(name: str, multiple: int) -> None:
    network, _, graph, _, _ = pruned_to_half(construct(name))
    plan = segprune.make_plan(network, graph, budget={"macs": 0.6}, round_to=multiple)
    pruned = dict(segprune.prune(network, plan).named_modules())
    for layer in graph.layers:
        rows = oracle.rows(pruned[layer.name])
        assert rows == layer.channels or rows % multiple == 0, layer


@pytest.mark.parametrize("name", ["UNet", "Residual", "SqueezeExcite"])
def test_ignored_layers_keep_all_their_channels(name: str) -> None:
    network, _, graph, _, _ = pruned_to_half(construct(name))
    first = next(layer.name for layer in graph.layers if layer.free)
    module = network.get_submodule(first)
    for ignored in (first, first[:-1] + "*", module):
        plan = segprune.make_plan(network, graph, budget={"macs": 0.7}, ignored_layers=(ignored,))
        pruned = segprune.prune(network, plan)
        assert oracle.rows(pruned.get_submodule(first)) == oracle.rows(module)


def test_a_scope_of_globs_cuts_the_named_layers_only() -> None:
    network, _, graph, _, _ = pruned_to_half(construct("Plain"))
    plan = segprune.make_plan(network, graph, budget=None, scope={"body.1.*": 0.5})
    pruned = segprune.prune(network, plan)
    widths = {layer.name: oracle.rows(pruned.get_submodule(layer.name)) for layer in graph.layers}
    assert widths["body.1.0"] == 18
    untouched = {layer.name: layer.channels for layer in graph.layers if layer.name != "body.1.0"}
    assert {name: widths[name] for name in untouched} == untouched


@pytest.mark.parametrize("importance", segprune.importances())
@pytest.mark.parametrize("scope", ["global", pytest.param("local", marks=pytest.mark.slow)])
def test_every_importance_prunes_and_is_verified(importance: str, scope: str) -> None:
    network, example, graph, _, _ = pruned_to_half(construct("UNet"))
    rng = torch.Generator().manual_seed(0)
    labels = torch.randint(0, 5, (2, 32, 32), generator=rng)
    images = [(oracle.fresh(example, seed=seed), labels) for seed in range(2)]
    plan = segprune.make_plan(
        network, graph, budget={"macs": 0.5}, importance=importance, scope=scope, calibration=images
    )
    assert not plan.is_empty
    assert segprune.verify(network, segprune.prune(network, plan), plan, graph) == ()


def test_magnitude_keeps_the_largest_filters() -> None:
    """Oracle: a layer whose rows are scaled by known factors."""
    network, _, _, _, _ = pruned_to_half(construct("Plain"))
    network = oracle.randomise(network)
    conv = network.body[1][0]
    order = torch.randperm(36, generator=torch.Generator().manual_seed(0))
    conv.weight.data[order[:18]] *= 100
    network.head.weight.data.fill_(0.1)
    plan = segprune.make_plan(
        network, torch.zeros(1, 3, 32, 32), budget=None, scope={"body.1.0": 0.5}
    )
    assert plan.kept["body.1.0.weight"][0] == tuple(sorted(order[:18].tolist()))


def test_state_modes_hooks_and_formats_are_carried_over() -> None:
    network, example = construct("UNet").build()
    network = network.to(memory_format=torch.channels_last).half().train()
    network.stem.eval()
    network.head.bias.requires_grad_(False)
    calls: list[int] = []
    network.trunk.register_forward_hook(lambda *_: calls.append(1))
    plan = segprune.make_plan(network.float(), example, budget={"macs": 0.5})
    pruned = segprune.prune(network.half(), plan)
    assert {p.dtype for p in pruned.parameters()} == {torch.float16}
    assert [m.training for m in pruned.modules()] == [m.training for m in network.modules()]
    assert not pruned.head.bias.requires_grad
    assert pruned.stem[0].weight.requires_grad
    weight = pruned.join[0].weight
    assert weight.is_contiguous(memory_format=torch.channels_last)
    before = len(calls)
    oracle.run(pruned.float(), example)
    assert len(calls) == before + 1
