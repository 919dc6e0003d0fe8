"""Both networks at every budget, under every importance and scope, are proved."""

from __future__ import annotations

import pytest
import torch

import segprune
from benchmarks.verification_matrix import BUDGETS, INPUT, SCOPES, prove
from segprune.models import available


@pytest.mark.slow
@pytest.mark.parametrize("importance", segprune.importances())
@pytest.mark.parametrize("network", available())
def test_every_plan_of_a_network_is_proved(network: str, importance: str) -> None:
    generator = torch.Generator().manual_seed(0)
    images = [torch.randn(2, *INPUT[1:], generator=generator)]
    cells = list(prove(network, images, [importance]))
    assert len(cells) == len(BUDGETS) * len(SCOPES)
    for cell in cells:
        assert cell.violations == (), cell
        assert cell.budget - 0.01 < cell.macs <= cell.budget, cell


@pytest.mark.slow
@pytest.mark.parametrize("network", available())
def test_nearly_every_hidden_channel_of_a_built_in_network_may_go(network: str) -> None:
    graph = segprune.trace(segprune.build(network), torch.rand(1, 3, 128, 256))
    assert graph.free_share >= 0.97, graph.summary()
    assert graph.unreached == ()
    assert graph.untraced == {}


@pytest.mark.parametrize("multiple", [8, pytest.param(16, marks=pytest.mark.slow)])
@pytest.mark.parametrize("network", available())
def test_rounded_widths_are_multiples_or_as_they_were(network: str, multiple: int) -> None:
    model = segprune.build(network)
    plan = segprune.make_plan(
        model, torch.rand(1, 3, 64, 128), budget={"macs": 0.4}, round_to=multiple
    )
    dense = dict(model.named_modules())
    changed = 0
    for name, layer in segprune.prune(model, plan).named_modules():
        if isinstance(layer, torch.nn.Conv2d):
            before, now = dense[name].out_channels, layer.out_channels
            assert now in (before, now // multiple * multiple), name
            changed += now != before
    assert changed > 10


@pytest.mark.slow
@pytest.mark.parametrize("network", available())
def test_a_local_scope_keeps_the_same_share_of_every_layer(network: str) -> None:
    model = segprune.build(network)
    plan = segprune.make_plan(model, torch.rand(1, 3, 64, 128), scope="local")
    dense = dict(model.named_modules())
    shares = [
        layer.out_channels / dense[name].out_channels
        for name, layer in segprune.prune(model, plan).named_modules()
        if isinstance(layer, torch.nn.Conv2d) and not name.endswith("classify")
    ]
    assert max(shares) - min(shares) < 0.08
