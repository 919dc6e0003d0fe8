"""The mean of several networks is that of every tensor, whatever their state dicts say."""

from __future__ import annotations

import torch
from torch import nn

from segprune.training.averaging import mean_of


class Odd(nn.Module):
    """With tensors that a state dict leaves out or calls otherwise."""

    seen: torch.Tensor
    count: torch.Tensor

    def __init__(self, number: float) -> None:
        super().__init__()
        self.layer = nn.Linear(2, 2)
        nn.init.constant_(self.layer.weight, number)
        self.tied = self.layer.weight
        self.phase = nn.Parameter(torch.full((2,), complex(0, number)))
        self.register_buffer("seen", torch.tensor(number), persistent=False)
        self.register_buffer("count", torch.tensor(int(number)))
        self.register_state_dict_post_hook(lambda module, state, *_: state.clear())

    def get_extra_state(self) -> dict[str, int]:
        return {"version": 1}


def test_every_tensor_of_a_network_has_its_mean() -> None:
    networks = [Odd(number) for number in (1.0, 2.0, 6.0)]
    mean = mean_of(networks)
    assert isinstance(mean, Odd)
    assert mean.layer.weight.tolist() == [[3.0, 3.0]] * 2
    assert mean.phase.tolist() == [3j, 3j]
    assert mean.seen.item() == 3.0
    assert mean.count.item() == 1  # a counter has no mean
    assert mean.tied is mean.layer.weight
    assert [network.seen.item() for network in networks] == [1.0, 2.0, 6.0]
