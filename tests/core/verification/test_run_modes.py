"""Networks run in training mode, too, with nothing left to chance."""

from __future__ import annotations

import random
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from core.verification.cases import Case, Net
from segprune.core.verification.run_modes import EVERY_MODULE, INFERENCE, TRAINING, RunMode, Trial

# -- training branches ---------------------------------------------------------------------------


class InASubmodule(Net):
    """The branch is taken by a part of the network."""

    class Head(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = nn.Conv2d(16, 5, 1)

        def forward(self, a: Tensor, y: Tensor) -> Tensor:
            return y + self.conv(a) if self.training else y

    def __init__(self) -> None:
        super().__init__()
        self.aux = self.Head()  # type: ignore[assignment]

    def forward(self, x: Tensor) -> Any:
        return self.aux(*self.features(x))


class Dropping(Net):
    """What is random in training mode is random in three ways."""

    def forward(self, x: Tensor) -> Any:
        a, y = self.features(x)
        if not self.training:
            return y
        kept = torch.rand(len(a), 1, 1, 1, device=a.device) + 0.9
        a = F.dropout(self.drop(a), 0.3, training=self.training) * kept.floor() / 0.9
        return y, self.aux(a * a.new_empty(len(a), 1, 1, 1).bernoulli_(0.8))


class DroppingLayers(Net):
    """Python's own random numbers choose a path."""

    def forward(self, x: Tensor) -> Any:
        a, y = self.features(x)
        if not self.training:
            return y
        return y, self.aux(2 * a if random.random() < 0.5 else a)


class OnBatchStatistics(Net):
    """A normalisation that a forward calls as a function."""

    def forward(self, x: Tensor) -> Any:
        a, y = self.features(x)
        if not self.training:
            return y
        return y, self.aux(F.batch_norm(a, None, None, training=True))


class WhereTheNormTrains(Net):
    def forward(self, x: Tensor) -> Any:
        a, y = self.features(x)
        return (y, self.aux(a)) if self.norm.training else y


@pytest.mark.parametrize(
    ("kind", "tensor"),
    [
        (Net, "aux__weight"),
        (InASubmodule, "aux__conv__weight"),
        (Dropping, "aux__weight"),
        (DroppingLayers, "aux__weight"),
        (OnBatchStatistics, "aux__weight"),
        (WhereTheNormTrains, "aux__weight"),
    ],
)
def test_a_head_that_only_training_reaches_is_compared(kind: type[nn.Module], tensor: str) -> None:
    case = Case(kind())
    assert case.found() == set()
    assert "equality" in case.found(**{tensor: 1})


class Targeted(Net):
    def forward(self, x: Tensor, target: Tensor | None = None) -> Any:
        _, y = self.features(x)
        return F.cross_entropy(y, target) if self.training else y  # type: ignore[arg-type]


def test_nothing_is_required_where_the_dense_network_cannot_train() -> None:
    assert Case(Targeted()).found() == set()


# -- one run ---------------------------------------------------------------------------------------


class Counts(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.norm, self.drop = nn.BatchNorm2d(3), nn.Dropout(0.5)
        self.register_buffer("runs", torch.zeros(()))

    def forward(self, x: Tensor) -> Tensor:
        self.runs += 1
        return self.drop(self.norm(x)) + torch.rand(1) * self.training


@pytest.mark.parametrize("mode", [INFERENCE, TRAINING, EVERY_MODULE])
def test_buffers_and_modes_are_what_they_were_after_a_run(mode: RunMode) -> None:
    network = Counts().eval()
    network.drop.train()
    before = {name: buffer.clone() for name, buffer in network.named_buffers()}
    modes = [module.training for module in network.modules()]
    Trial("forward", torch.rand(2, 3, 4, 4), torch.float64, mode).run(network)
    assert [module.training for module in network.modules()] == modes
    for name, buffer in network.named_buffers():
        assert torch.equal(buffer, before[name].to(buffer)), name


def test_nothing_is_left_to_chance_in_training_mode() -> None:
    network, x = Counts().eval(), torch.rand(2, 3, 4, 4)
    one, other = (
        Trial("forward", x, torch.float64, TRAINING).run(network, seed) for seed in (0, 1)
    )
    assert torch.equal(one, other)
    expected = network.norm.double()(x.double()) + 0.5  # what stands for a random number
    torch.testing.assert_close(one, expected)


@pytest.mark.parametrize(
    "flat", [F.relu, nn.ReLU(inplace=True), nn.ReLU6(), lambda x: x.clamp(0, 1), F.hardtanh]
)
def test_flat_activations_get_a_slope_where_units_would_be_dead(flat: Any) -> None:
    class Flat(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return flat(x.clone())

    x = torch.tensor([[-3.0, -1.0, 0.0, 0.5, 9.0]], dtype=torch.float64)
    found = Trial("forward", x, torch.float64, INFERENCE.with_slopes()).run(Flat())
    torch.testing.assert_close(found, flat(x.clone()) + 0.1 * x.abs())
