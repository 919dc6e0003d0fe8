"""Taylor importance: the square of a batch's sum, summed over batches, as its paper defines it."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

import segprune
from segprune.core.planning.importance import Evidence, taylor


def network() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(3, 6, 3), nn.ReLU(), nn.Conv2d(6, 2, 1)).double().eval()


def loss(output: Tensor, batch: Tensor) -> Tensor:
    return (output * batch.mean()).sin().sum()


def by_finite_differences(model: nn.Sequential, batches: list[Tensor]) -> list[float]:
    """Sum (d loss / d scale)² of each filter: w · ∂L/∂w is the derivative by its scale."""
    weight, step = model[0].weight.data, 1e-5
    scores = []
    for filter_ in range(len(weight)):
        total = 0.0
        for batch in batches:
            values = []
            for scale in (1 + step, 1 - step):
                kept = weight[filter_].clone()
                weight[filter_] *= scale
                values.append(float(loss(model(batch), batch).detach()))
                weight[filter_] = kept
            total += ((values[0] - values[1]) / (2 * step)) ** 2
        scores.append(total)
    return scores


def scores_of(model: nn.Module, batches: list[Tensor], **options: Any) -> dict[Any, Tensor]:
    graph = segprune.trace(model, batches[0])
    return dict(taylor(Evidence(model, graph, batches, **options)))


def test_scores_are_what_finite_differences_find() -> None:
    model = network()
    batches = [torch.randn(2, 3, 6, 6, dtype=torch.float64) for _ in range(3)]
    found = scores_of(model, batches, loss=loss)[("0.weight", 0)]
    assert found.tolist() == pytest.approx(by_finite_differences(model, batches), rel=1e-5)


def test_batches_of_opposite_sign_do_not_cancel() -> None:
    model = network()
    batch = torch.randn(1, 3, 6, 6, dtype=torch.float64)
    one = scores_of(model, [batch], loss=loss)[("0.weight", 0)]
    both = scores_of(model, [batch, -batch], loss=lambda out, x: out.sum() * x.sum().sign())
    assert float(one.max()) > 0
    assert float(both[("0.weight", 0)].max()) > 0
