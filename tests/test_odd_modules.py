"""Modules with ways of their own: to be copied, to change mode, to answer for names, to store."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

import segprune


class Net(nn.Module):
    """A convolution of 12 channels, a normalisation, and a head of 4."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.n = nn.Conv2d(3, 12, 3, padding=1), nn.BatchNorm2d(12)
        self.head = nn.Conv2d(12, 4, 1)

    def forward(self, x: Tensor) -> Any:
        return self.head(self.n(self.a(x)).relu())


X = torch.rand((1, 3, 16, 16), generator=torch.Generator().manual_seed(0))


def violations(network: nn.Module) -> tuple[segprune.Violation, ...]:
    """What verify finds after a right pruning to half of the channels."""
    plan = segprune.make_plan(network, X, budget={"channels": 0.5}, min_channels=1)
    small = segprune.prune(network, plan)
    assert small.get_parameter("head.weight").shape == (4, 6, 1, 1)
    return segprune.verify(network, small, plan, X)


class CopiedAsItself(Net):
    def __deepcopy__(self, memo: dict[int, Any]) -> CopiedAsItself:
        return self


@pytest.mark.parametrize("within", [False, True])
def test_a_module_whose_copy_is_itself_is_named_and_stays_as_it_is(within: bool) -> None:
    network = nn.Sequential(Net(), CopiedAsItself()) if within else CopiedAsItself()
    if within:
        network[1].a = nn.Conv2d(4, 12, 1)
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    with pytest.raises(segprune.ModelError, match="CopiedAsItself itself.*__deepcopy__"):
        segprune.trace(network.eval(), X)
    assert all(torch.equal(tensor, before[name]) for name, tensor in network.state_dict().items())


class ReturnsNothing(Net):
    def train(self, mode: bool = True) -> None:  # type: ignore[override]
        super().train(mode)
        self.n.training = False  # frozen statistics


def test_a_network_whose_train_and_eval_return_nothing_is_proved() -> None:
    network = ReturnsNothing()
    network.eval()
    assert violations(network) == ()


class AnswersEverything(Net):
    def __getattr__(self, name: str) -> Any:
        try:
            return super().__getattr__(name)
        except AttributeError:
            return None


def test_a_network_that_answers_none_for_unknown_names_is_not_taken_for_a_compiled_one() -> None:
    assert violations(AnswersEverything().eval()) == ()


class Graph(Net):
    def __init__(self, adjacency: Tensor) -> None:
        super().__init__()
        self.register_buffer("adjacency", adjacency)

    def forward(self, x: Tensor) -> Any:
        rows = self.a(x).flatten(2).permute(2, 0, 1)
        mixed = torch.sparse.mm(self.adjacency, rows.flatten(1)).view(rows.shape)
        return self.head(mixed.permute(1, 2, 0).unflatten(2, (16, 16)))


def test_a_sparse_tensor_is_refused_by_its_name() -> None:
    with pytest.raises(segprune.ModelError, match="adjacency.*sparse_coo.*to_dense"):
        segprune.trace(Graph(torch.eye(256).to_sparse()).eval(), X)


def test_packed_weights_of_a_quantised_module_are_refused_by_its_name() -> None:
    network = Net().eval()
    network.a = nn.Sequential(nn.Linear(3, 12))
    packed = torch.ScriptObject.__new__(torch.ScriptObject)
    network.a[0]._packed_params = packed
    with pytest.raises(segprune.ModelError, match=r"a\.0.*packed.*quantised"):
        segprune.trace(network, X)
