"""NaN and infinite weights are refused by name wherever weights are opened."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import segprune
from segprune.errors import ArtifactError, ModelError, PlanError
from segprune.models.weights import load_weights, read_weights

IMAGES = torch.rand(1, 3, 16, 16)


class Net(nn.Module):
    """Its mask holds minus infinity, as masks of attention do."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.n, self.b = nn.Conv2d(3, 8, 1), nn.BatchNorm2d(8), nn.Conv2d(8, 5, 1)
        self.register_buffer("mask", torch.tensor([0.0, -torch.inf]))

    def forward(self, x: Tensor) -> Tensor:
        return self.b(self.n(self.a(x)).relu()) * self.mask.softmax(0)[0]


def net() -> Any:
    torch.manual_seed(0)
    return Net().eval()


BROKEN = [
    ("a.weight", torch.nan, "NaN in a.weight"),
    ("b.bias", torch.inf, "infinity in b.bias"),
    ("n.running_var", torch.inf, "infinity in n.running_var"),
    ("n.running_mean", torch.nan, "NaN in n.running_mean"),
    ("mask", torch.nan, "NaN in mask"),
]


def broken(name: str, number: float) -> Any:
    network = net()
    with torch.no_grad():
        network.state_dict()[name].view(-1)[-1] = number
    return network


@pytest.mark.parametrize("prefix", ["", "model."], ids=["plain", "Lightning"])
@pytest.mark.parametrize(("name", "number", "said"), BROKEN)
def test_a_state_dict_is_refused_and_the_network_stays(
    tmp_path: Path, name: str, number: float, said: str, prefix: str
) -> None:
    state = {prefix + key: value for key, value in broken(name, number).state_dict().items()}
    path = tmp_path / "w.ckpt"
    torch.save({"state_dict": state}, path)
    network, before = net(), net().state_dict()
    with pytest.raises(ModelError, match=rf"w\.ckpt: .*{said}.*earlier checkpoint"):
        load_weights(network, read_weights(path), str(path))
    assert all(torch.equal(before[key], value) for key, value in network.state_dict().items())


@pytest.mark.parametrize(("name", "number", "said"), BROKEN)
def test_none_is_saved(tmp_path: Path, name: str, number: float, said: str) -> None:
    plan = segprune.make_plan(net(), IMAGES)
    with pytest.raises(ArtifactError, match=said):
        segprune.save(tmp_path / "small", segprune.prune(broken(name, number), plan), plan)
    assert [*tmp_path.iterdir()] == []


@pytest.mark.parametrize(("name", "number", "said"), BROKEN)
def test_an_artefact_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, number: float, said: str
) -> None:
    plan = segprune.make_plan(net(), IMAGES)
    path = tmp_path / "small.safetensors"
    with monkeypatch.context() as earlier:  # versions that saved them
        earlier.setattr("segprune.artifacts.saving.not_finite", lambda tensors, model: "")
        segprune.save(path, segprune.prune(broken(name, number), plan), plan)
    with pytest.raises(ArtifactError, match=rf"small\.safetensors: .*{said}"):
        segprune.load(path, net())


@pytest.mark.parametrize(("name", "number", "said"), BROKEN)
def test_no_plan_is_made_of_them(name: str, number: float, said: str) -> None:
    with pytest.raises(PlanError, match=said):
        segprune.make_plan(broken(name, number), IMAGES)


@pytest.mark.parametrize("precision", [torch.float16, torch.bfloat16, torch.float64])
def test_weights_in_other_precisions_are_looked_at(precision: torch.dtype) -> None:
    found = broken("b.bias", torch.nan).state_dict().items()
    state = {key: tensor.to(precision) for key, tensor in found if tensor.is_floating_point()}
    with pytest.raises(ModelError, match=r"NaN in b\.bias"):
        load_weights(net(), state, "weights")


def test_a_mask_may_hold_infinity(tmp_path: Path) -> None:
    network = net()
    load_weights(network, net().state_dict(), "weights")
    plan = segprune.make_plan(network, IMAGES)
    path = tmp_path / "small.safetensors"
    segprune.save(path, segprune.prune(network, plan), plan)
    assert segprune.load(path, network).mask[1] == -torch.inf
