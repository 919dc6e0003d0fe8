"""Logits are required: probabilities in their place are refused."""

from __future__ import annotations

import pytest
import torch
from torch import nn

import segprune
from segprune.errors import InputError
from segprune.training.outputs import require_outputs
from test_one_channel import Discs, Net


@pytest.mark.parametrize("end", [nn.Sigmoid(), nn.Hardsigmoid()])
def test_probabilities_in_place_of_logits_are_refused(end: nn.Module) -> None:
    """Probabilities are all above zero: each pixel would be foreground."""
    with pytest.raises(InputError, match=r"expected logits, found probabilities.*sigmoid"):
        segprune.evaluate(Net(end=end), Discs())
    with pytest.raises(InputError, match=r"network\.model: expected logits, found probabilities"):
        require_outputs(Net(end=end), torch.rand(1, 3, 8, 8), 2, "network.model")
    with pytest.raises(InputError, match="multilabel"):
        require_outputs(Net(3, end), torch.rand(1, 3, 8, 8), 3, "network.model")


def test_logits_that_happen_to_lie_between_0_and_1_are_logits() -> None:
    network = Net()
    with torch.no_grad():
        network.last.weight.mul_(1e-3)
        network.last.bias.fill_(0.5)
    assert segprune.evaluate(network, Discs()).images == 6
    require_outputs(network, torch.rand(1, 3, 8, 8), 2, "network.model")
