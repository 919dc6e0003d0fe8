"""An importance scores channels as its paper does; what scores none is refused."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

import segprune
from segprune.core.planning.importance import Evidence, taylor
from segprune.errors import PlanError

IMAGES = torch.zeros(1, 3, 8, 8)


def network() -> nn.Module:
    """Convolutions without a BatchNorm."""
    return nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(), nn.Conv2d(8, 4, 1)).eval()


@pytest.mark.parametrize("importance", [3, ["magnitude"], torch.ones(8)], ids=type)
def test_what_is_no_function_is_refused(importance: Any) -> None:
    with pytest.raises(PlanError, match="expected a name or a function"):
        segprune.make_plan(network(), IMAGES, importance=importance)


@pytest.mark.parametrize(
    "scores",
    [
        None,
        {"0.weight": torch.ones(8)},
        {("0.weight", 0): [1.0] * 8},
        {("0.weight", 0): None},
        {("0.weight",): torch.ones(8)},
    ],
    ids=str,
)
def test_scores_of_another_form_are_refused(scores: Any) -> None:
    with pytest.raises(PlanError, match="expected a mapping"):
        segprune.make_plan(network(), IMAGES, importance=lambda evidence: scores)


@pytest.mark.parametrize("importance", ["bn_scale", lambda evidence: {}], ids=["bn_scale", "own"])
def test_an_importance_that_scores_no_channel_is_refused(importance: Any) -> None:
    with pytest.raises(PlanError, match="expected a score for at least one channel"):
        segprune.make_plan(network(), IMAGES, importance=importance)


def test_channels_without_a_score_are_ranked_by_their_norm_beside_others_that_have_one() -> None:
    mixed = nn.Sequential(
        nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.ReLU(), nn.Conv2d(8, 8, 1), nn.ReLU(),
        nn.Conv2d(8, 4, 1),
    ).eval()  # fmt: skip
    with torch.no_grad():
        mixed[3].weight *= torch.arange(1.0, 9.0)[:, None, None, None].flip(0)
    plan = segprune.make_plan(mixed, IMAGES, importance="bn_scale", scope={"3": 0.5})
    norms = mixed[3].weight.detach().flatten(1).norm(dim=1)
    assert set(plan.kept["3.weight"][0]) == set(norms.topk(4).indices.tolist())


# -- Taylor importance -----------------------------------------------------------------------------


def of_two_layers() -> nn.Sequential:
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
    model = of_two_layers()
    batches = [torch.randn(2, 3, 6, 6, dtype=torch.float64) for _ in range(3)]
    found = scores_of(model, batches, loss=loss)[("0.weight", 0)]
    assert found.tolist() == pytest.approx(by_finite_differences(model, batches), rel=1e-5)


def test_batches_of_opposite_sign_do_not_cancel() -> None:
    model = of_two_layers()
    batch = torch.randn(1, 3, 6, 6, dtype=torch.float64)
    one = scores_of(model, [batch], loss=loss)[("0.weight", 0)]
    both = scores_of(model, [batch, -batch], loss=lambda out, x: out.sum() * x.sum().sign())
    assert float(one.max()) > 0
    assert float(both[("0.weight", 0)].max()) > 0
