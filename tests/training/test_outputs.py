"""A network is refused before it is trained, unless its logits are those of the data."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from segprune.errors import InputError
from segprune.training.outputs import require_outputs

IMAGES = torch.rand(2, 3, 8, 8)
LOGITS = torch.zeros(2, 4, 2, 2)


class Gives(nn.Module):
    """Returns what it is made with, from inference and from its heads."""

    def __init__(self, output: Any, heads: Any = None) -> None:
        super().__init__()
        self.output = output
        self.norm = nn.BatchNorm2d(3)
        if heads is not None:
            self.forward_with_aux = lambda images: heads

    def forward(self, images: Tensor) -> Any:
        self.norm(images)
        return self.output


@pytest.mark.parametrize(
    ("network", "message"),
    [
        (Gives(torch.zeros(2, 4)), r"net: expected logits \(2, 4, h, w\), found \(2, 4\)"),
        (Gives(torch.zeros(2, 5, 2, 2)), "expected logits of the 4 classes of the data, found 5"),
        (Gives(LOGITS, LOGITS), r"expected \(logits, tuple of auxiliary logits\), found \(2, 4"),
        (Gives(LOGITS, (LOGITS, LOGITS)), "expected a tuple of auxiliary logits as second output"),
        (Gives(LOGITS, (LOGITS, (LOGITS, None))), "auxiliary head 1: expected logits .* NoneType"),
        (nn.Conv2d(5, 4, 1), "expected a network that runs on images .* found RuntimeError"),
    ],
)
def test_an_output_that_is_none_is_described(network: nn.Module, message: str) -> None:
    with pytest.raises(InputError, match=message):
        require_outputs(network, IMAGES, 4, "net")


def test_logits_and_heads_that_fit_pass_and_the_network_is_left_as_it_was() -> None:
    network = Gives(LOGITS, (LOGITS, (LOGITS, LOGITS))).train()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    require_outputs(network, IMAGES, 4, "net")
    assert network.training
    assert all(torch.equal(value, before[n]) for n, value in network.state_dict().items())
