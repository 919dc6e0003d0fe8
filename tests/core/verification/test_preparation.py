"""Copies to compare on: values far from their initialisation, and activations that live."""

from __future__ import annotations

import torch
from torch import nn

import segprune
from segprune.core.verification.preparation import prepared, scatter

X = torch.rand(2, 3, 32, 32, generator=torch.Generator().manual_seed(0))


def deep(layers: int = 12) -> nn.Sequential:
    """Activations die out layer by layer, as in a deep network at random initialisation."""
    torch.manual_seed(0)
    blocks: list[nn.Module] = []
    for number in range(layers):
        blocks += [
            nn.Conv2d(3 if number == 0 else 8, 8, 3, padding=1),
            nn.BatchNorm2d(8),
            nn.ReLU(),
        ]
    model = nn.Sequential(*blocks, nn.Conv2d(8, 2, 1)).eval()
    with torch.no_grad():
        for module in model.modules():
            if isinstance(module, nn.Conv2d):
                module.weight.mul_(0.02)
    return model


def test_activations_of_the_copy_live_where_those_of_the_network_die_out() -> None:
    model = deep()
    plan = segprune.make_plan(model, X, budget={"channels": 0.5}, importance="random")
    small = segprune.prune(model, plan)
    copy = prepared(small, plan, ["forward"], [X])
    with torch.no_grad():
        dead, alive = small(X), copy(X)
    assert dead.std((0, 2, 3)).max() < 1e-3
    assert alive.std((0, 2, 3)).min() > 0.01


def test_the_network_itself_is_left_as_it_is() -> None:
    model = deep()
    plan = segprune.make_plan(model, X, budget={"channels": 0.5}, importance="random")
    small = segprune.prune(model, plan)
    before = {name: tensor.clone() for name, tensor in small.state_dict().items()}
    prepared(small, plan, ["forward"], [X])
    assert all(torch.equal(tensor, before[name]) for name, tensor in small.state_dict().items())


def test_the_scattered_copy_has_the_kept_values_in_their_places_and_zeros_elsewhere() -> None:
    model = deep(2)
    plan = segprune.make_plan(model, X, budget={"channels": 0.5}, importance="random")
    small = segprune.prune(model, plan)
    wide = scatter(model, small, plan)
    for name, tensor in wide.state_dict().items():
        if name not in plan.kept:
            continue
        expected = torch.zeros_like(tensor)
        rows = [list(plan.kept[name].get(d, range(n))) for d, n in enumerate(tensor.shape)]
        expected[torch.meshgrid(*map(torch.tensor, rows), indexing="ij")] = small.state_dict()[name]
        assert torch.equal(tensor, expected), name
