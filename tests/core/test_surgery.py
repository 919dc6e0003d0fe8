"""A pruned network keeps the attributes that its dense network had beside weights."""

from __future__ import annotations

from typing import Any

import pytest
import torch
import torch.fx
from torch import Tensor, nn
from torchvision.models import resnet18
from torchvision.models.feature_extraction import create_feature_extractor

import segprune

X = torch.rand(2, 3, 32, 32, generator=torch.Generator().manual_seed(0))


def plain() -> nn.Module:
    return nn.Sequential(nn.Conv2d(3, 16, 3), nn.BatchNorm2d(16), nn.ReLU(), nn.Conv2d(16, 4, 1))


def graph_module() -> nn.Module:
    network: nn.Module = torch.fx.symbolic_trace(plain())
    return network


def extractor() -> nn.Module:
    network: nn.Module = create_feature_extractor(resnet18(), {"layer1": "out"})
    return network


def doubled(module: nn.Module, inputs: Any, output: Tensor) -> Tensor:
    return output * 2


def modes(network: nn.Module) -> dict[str, bool]:
    return {name: module.training for name, module in network.named_modules()}


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("make", [plain, graph_module, extractor])
def test_every_module_keeps_its_mode(make: Any, training: bool) -> None:
    dense = make().train(training)
    norm = next(module for module in dense.modules() if isinstance(module, nn.BatchNorm2d))
    norm.train(not training)
    plan = segprune.make_plan(dense, X)
    before = modes(dense)
    for copied in (segprune.prune(dense, plan), segprune.mask(dense, plan)):
        assert modes(copied) == before
    assert modes(dense) == before


def test_a_network_of_two_graphs_runs_the_graph_of_its_mode() -> None:
    dense = extractor().eval()
    small = segprune.prune(dense, segprune.make_plan(dense, X))
    assert small.graph is small.eval_graph
    small.train()
    assert small.graph is small.train_graph


@pytest.mark.parametrize("make", [plain, graph_module])
def test_hooks_and_attributes_of_modules_are_kept(make: Any) -> None:
    dense = make().eval()
    dense.register_forward_hook(doubled)
    dense.note = {"classes": 4}
    small = segprune.prune(dense, segprune.make_plan(dense, X))
    assert list(small._forward_hooks.values()) == [doubled]
    assert small.note == {"classes": 4}
    assert small.note is not dense.note


def test_hooks_and_attributes_of_tensors_are_kept() -> None:
    dense = plain().eval()
    weight = dense[0].weight
    weight.no_weight_decay = True
    weight.register_hook(lambda gradient: gradient * 0)
    seen: list[str] = []
    dense[1].weight.register_post_accumulate_grad_hook(lambda tensor: seen.append("norm"))
    small = segprune.prune(dense, segprune.make_plan(dense, X))
    assert small[0].weight.no_weight_decay
    small(X).square().mean().backward()
    assert not small[0].weight.grad.any()
    assert small[1].weight.grad.any()
    assert seen == ["norm"]


def test_a_copy_that_lost_its_mode_is_noticed() -> None:
    dense = extractor().eval()
    plan = segprune.make_plan(dense, X)
    small = segprune.prune(dense, plan)
    small.layer1.train()
    found = segprune.verify(dense, small, plan, X)
    assert ("behaviour", "layer1") in {(violation.kind, violation.where) for violation in found}
