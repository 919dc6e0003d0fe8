"""BatchNorm recalibration against statistics computed by hand."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn

import segprune
from segprune.training.recalibration import recalibrate


def network() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Dropout(0.5)).eval()


def batches(count: int) -> list[torch.Tensor]:
    draw = torch.Generator().manual_seed(1)
    return [5 + 2 * torch.randn(2, 3, 8, 8, generator=draw) for _ in range(count)]


def test_statistics_are_the_means_over_batches() -> None:
    model, images = network(), batches(5)
    with torch.no_grad():
        seen = [model[0](batch) for batch in images]
    assert recalibrate(model, images) == 5
    mean = torch.stack([s.mean(dim=(0, 2, 3)) for s in seen]).mean(dim=0)
    variance = torch.stack([s.var(dim=(0, 2, 3), unbiased=True) for s in seen]).mean(dim=0)
    assert torch.allclose(model[1].running_mean, mean, atol=1e-5)
    assert torch.allclose(model[1].running_var, variance, atol=1e-5)


def test_nothing_but_statistics_changes() -> None:
    model = network()
    model[1].momentum = 0.3
    before = copy.deepcopy(model)
    recalibrate(model, batches(2))
    assert model[1].momentum == 0.3
    assert not any(module.training for module in model.modules())
    for (name, old), (_, new) in zip(
        before.state_dict().items(), model.state_dict().items(), strict=True
    ):
        if "running" not in name and "num_batches" not in name:
            assert torch.equal(old, new), name


def test_without_a_batch_the_statistics_stay_as_they_were() -> None:
    model = network()
    model[1].running_mean.fill_(7.0)
    assert recalibrate(model, []) == 0
    assert bool((model[1].running_mean == 7).all())


def test_modes_come_back_after_an_error() -> None:
    model = network().train()
    model[2].eval()
    with pytest.raises(RuntimeError):
        recalibrate(model, [torch.randn(2, 5, 8, 8)])
    assert [module.training for module in model.modules()] == [True, True, True, False]
    assert model[1].momentum == 0.1


def test_auxiliary_heads_are_measured_too() -> None:
    model = segprune.build("bisenetv2", num_classes=3, width=0.25).eval()
    heads = {n: b for n, b in model.named_buffers() if "aux" in n and n.endswith("running_mean")}
    assert heads
    assert all(bool((b == 0).all()) for b in heads.values())
    recalibrate(model, [torch.randn(2, 3, 64, 64)])
    assert all(bool((b != 0).any()) for b in heads.values())
