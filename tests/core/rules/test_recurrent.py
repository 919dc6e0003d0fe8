"""Recurrent layers over rows of pixels: what they read may go, what they remember stays."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

import segprune
from operators.laws import (  # noqa: F401
    test_a_network_with_the_operator_computes_what_its_twin_does,
    test_channels_can_go_beside_the_operator_exactly_where_zero_stays_zero,
    test_the_law_holds_for_other_channels_and_other_weights,
)


class Net(nn.Module):
    """A convolution whose pixels a recurrent layer reads, one after the other."""

    def __init__(self, kind: type[nn.RNNBase]) -> None:
        super().__init__()
        self.a, self.memory = nn.Conv2d(3, 12, 3, padding=1), kind(12, 6, batch_first=True)
        self.head = nn.Conv2d(6, 4, 1)

    def forward(self, x: Tensor) -> Tensor:
        rows = self.a(x).relu().mean(2).transpose(1, 2)
        return self.head(self.memory(rows)[0].transpose(1, 2).unsqueeze(2))


@pytest.mark.parametrize("kind", [nn.GRU, nn.LSTM, nn.RNN])
def test_the_channels_that_a_recurrent_layer_reads_may_go(kind: type[nn.RNNBase]) -> None:
    torch.manual_seed(0)
    network, x = Net(kind).eval(), torch.rand(1, 3, 8, 6)
    plan = segprune.make_plan(network, x, budget={"params": 0.8}, min_channels=1)
    rows = plan.kept["a.weight"][0]
    assert 1 <= len(rows) < 12
    small = segprune.prune(network, plan)
    assert small.memory.input_size == len(rows)
    assert small.memory.hidden_size == 6
    assert segprune.verify(network, small, plan, x) == ()
    by_hand = Net(kind).eval()
    by_hand.load_state_dict(network.state_dict())
    with torch.no_grad():
        gone = [row for row in range(12) if row not in rows]
        by_hand.a.weight[gone], by_hand.a.bias[gone] = 0.0, 0.0
    torch.testing.assert_close(small(x), by_hand(x))
