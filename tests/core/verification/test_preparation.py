"""Values are chosen so that a wrong slice shows: no zeros, and no activations that die out."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

import oracle
import segprune
from core.verification.cases import Case, Net
from segprune.core.verification.preparation import expand_to_dense, prepared


class Shifted(Net):
    """A shift that starts at zero for every channel, kept in a buffer of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("shift", torch.zeros(16))

    def forward(self, x: Tensor) -> Any:
        a = F.relu(self.norm(self.stem(x)) - self.shift[:, None, None])
        return self.head(F.relu(self.body(a)))


def test_slots_that_are_all_zero_hide_no_wrong_slice() -> None:
    case = Case(Shifted())
    assert case.found() == set()
    assert "equality" in case.found(shift=0)


class Deep(nn.Module):
    """Thirty layers as torch initialises them: what arrives at the end is the biases alone."""

    def __init__(self) -> None:
        super().__init__()
        layers = [nn.Conv2d(3, 16, 3, padding=1), nn.ReLU()]
        for _ in range(28):
            layers += [nn.Conv2d(16, 16, 3, padding=1), nn.ReLU()]
        self.layers = nn.Sequential(*layers, nn.Conv2d(16, 5, 1))

    def forward(self, x: Tensor) -> Tensor:
        return self.layers(x)


def test_a_new_network_in_which_activations_die_out_is_proved_and_its_first_layers_are_seen() -> (
    None
):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = Deep()
    state = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    case = Case(network)
    network.load_state_dict(state)
    assert case.found() == set()
    assert "equality" in case.found(layers__2__weight=1)


# -- private copies --------------------------------------------------------------------------------


def test_a_prepared_copy_has_no_pruned_tensor_of_zeros_and_leaves_the_original() -> None:
    case = Case(Shifted())
    small = segprune.prune(case.dense, case.plan)
    small.requires_grad_(False)
    for parameter in small.parameters():
        parameter.zero_()
    copied = prepared(small, case.plan, ["forward"], [case.x])
    assert not any(parameter.any() for parameter in small.parameters())
    tensors = copied.state_dict()
    assert all(tensors[name].any() for name in case.plan.kept)
    assert copied.norm.running_var.min() > 0


def test_the_twin_is_the_dense_network_with_zeros_where_channels_went() -> None:
    case = Case(Net())
    small = segprune.prune(case.dense, case.plan)
    made = expand_to_dense(case.dense, small, case.plan).state_dict()
    expected = oracle.twin(case.dense, case.plan.kept).state_dict()
    assert made.keys() == expected.keys()
    for name, tensor in expected.items():
        assert torch.equal(made[name], tensor), name
