"""What a graph says of a network: which channels may go, and why others stay."""

from __future__ import annotations

import torch
from torch import Tensor, nn

import segprune


class Net(nn.Module):
    """10 of `free` may go, 6 of `held` are read by position, 2 are the output."""

    def __init__(self) -> None:
        super().__init__()
        self.free, self.held, self.head = (
            nn.Conv2d(3, 10, 1),
            nn.Conv2d(10, 6, 1),
            nn.Conv2d(6, 2, 1),
        )
        self.unused = nn.Conv2d(3, 3, 1)

    def forward(self, x: Tensor) -> Tensor:
        y = self.held(self.free(x).relu())
        return self.head(y * torch.arange(6.0).view(1, 6, 1, 1))


def graph() -> segprune.ChannelGraph:
    return segprune.trace(Net().eval(), torch.rand(1, 3, 8, 8))


def test_the_share_that_may_go_is_that_of_hidden_channels() -> None:
    assert graph().free_share == 10 / 16
    assert {layer.name: (layer.channels, layer.free) for layer in graph().layers} == {
        "free": (10, 10), "held": (6, 0), "head": (2, 0),
    }  # fmt: skip


def test_channels_that_stay_have_a_reason_and_the_users_line() -> None:
    (group,) = graph().frozen
    assert (group.layers, group.channels) == (("held",), 6)
    assert group.source is not None
    assert "torch.arange" in group.source
    assert "6 channels of held" in graph().summary()


def test_tensors_that_nothing_reads_are_listed() -> None:
    assert graph().unreached == ("unused.weight", "unused.bias")
    assert "not reached: unused.weight" in graph().summary()


def test_what_is_kept_of_each_tensor_follows_from_the_labels() -> None:
    found = graph()
    keep = found.frozen_mask.copy()
    rows = found.state.slots["free.weight"][0]
    keep[found.roots[rows[:4]]] = True
    kept = found.kept(keep[found.roots])
    assert kept["free.weight"][0] == (0, 1, 2, 3)
    assert kept["free.bias"][0] == kept["held.weight"][1] == (0, 1, 2, 3)
    assert 0 not in kept["held.weight"]
