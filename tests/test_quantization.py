"""Networks that are prepared for quantisation-aware training equal their full-size twins."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.ao.quantization import (
    disable_observer,
    fuse_modules_qat,
    get_default_qat_qconfig,
    prepare_qat,
)

import oracle
import segprune

X = torch.rand(1, 3, 16, 16, generator=torch.Generator().manual_seed(0))
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning")


def prepared(backend: str, *, fused: bool = False) -> nn.Module:
    """Make a network of two hidden layers after three steps of observing."""
    torch.manual_seed(0)
    layers = (nn.Conv2d(3, 16, 3), nn.BatchNorm2d(16), nn.ReLU(), nn.Conv2d(16, 16, 3), nn.ReLU())
    network: nn.Module = nn.Sequential(*layers, nn.Conv2d(16, 4, 1)).train()
    if fused:
        network = fuse_modules_qat(network, [["0", "1", "2"], ["3", "4"]])
    network.qconfig = get_default_qat_qconfig(backend)  # type: ignore[assignment]
    network = prepare_qat(network)
    for _ in range(3):
        network(torch.rand(2, 3, 16, 16))
    return network.eval()


@pytest.mark.parametrize("observing", [True, False], ids=["observing", "fixed"])
@pytest.mark.parametrize("fused", [True, False], ids=["fused", "plain"])
@pytest.mark.parametrize("backend", ["fbgemm", "qnnpack"])
def test_a_network_prepared_for_int8_is_pruned_like_its_twin(
    backend: str, fused: bool, observing: bool
) -> None:
    """The kernels compute in single precision; the grid makes both equal bit by bit."""
    network = prepared(backend, fused=fused)
    if not observing:
        network.apply(disable_observer)
    graph = segprune.trace(network, X)
    assert graph.free_share == (0.5 if fused else 1), graph.summary()
    plan = segprune.make_plan(network, graph, scope={"*": 0.5}, importance="random")
    small, twin = segprune.prune(network, plan), oracle.twin(network, plan.kept)
    images = torch.rand(2, 3, 16, 16, generator=torch.Generator().manual_seed(1))
    assert oracle.difference(oracle.run(small, images), oracle.run(twin, images)) < 1e-6


def test_the_scales_of_channels_are_cut_with_them() -> None:
    network = prepared("fbgemm")
    plan = segprune.make_plan(network, X, scope={"*": 0.5}, importance="random")
    small = segprune.prune(network, plan).state_dict()
    before, rows = network.state_dict(), plan.kept["0.weight"]
    for name in ("scale", "zero_point", "activation_post_process.min_val"):
        full = before[f"0.weight_fake_quant.{name}"]
        assert torch.equal(small[f"0.weight_fake_quant.{name}"], oracle.select(full, rows))


def test_a_convolution_fused_with_its_norm_divides_by_the_scale_of_dropped_channels() -> None:
    """torch folds gamma into the weight and divides the result by it: 0/0 in the twin."""
    (frozen,) = segprune.trace(prepared("fbgemm", fused=True), X).frozen
    assert frozen.layers == ("0",)
    assert "div would compute 0/0" in frozen.reason
