"""`verify` proves what it compared: heads behind branches, dead units, outputs that say nothing.

Each network is pruned rightly, and by a plan in which some tensor keeps its slots one further on.
The right one is proved, the wrong one is not; both have the shapes that their plan promises.
"""

from __future__ import annotations

import dataclasses
import random
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

import segprune
from faults.planting import shifted

NORM = ("weight", "bias", "running_mean", "running_var")


class Net(nn.Module):
    """stem -> body -> head, with a normalised branch `a` of 16 channels."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.body = nn.Conv2d(3, 16, 3, padding=1), nn.Conv2d(16, 24, 3, padding=1)
        self.norm, self.head = nn.BatchNorm2d(16), nn.Conv2d(24, 5, 1)
        self.aux, self.drop = nn.Conv2d(16, 5, 3, padding=1), nn.Dropout2d(0.5)

    def features(self, x: Tensor) -> tuple[Tensor, Tensor]:
        a = F.relu(self.norm(self.stem(x)))
        return a, self.head(F.relu(self.body(a)))

    def forward(self, x: Tensor) -> Any:
        a, y = self.features(x)
        return (y, self.aux(a)) if self.training else y


class Case:
    """A network, its plan, and the wrong plan that keeps other slots of the named tensors."""

    def __init__(self, network: nn.Module, size: int = 32) -> None:
        generator = torch.Generator().manual_seed(0)
        for parameter in network.parameters():
            parameter.data.copy_(0.3 * torch.randn(parameter.shape, generator=generator))
        self.dense, self.x = network.eval(), torch.rand((1, 3, size, size), generator=generator)
        self.plan = segprune.make_plan(network, self.x, importance="random", scope="local")

    def found(self, **wrong: int) -> set[str]:
        """What is found when tensors keep other slots; names have `__` for a dot."""
        kept = {name: dict(dims) for name, dims in self.plan.kept.items()}
        for key, dim in wrong.items():
            name = key.replace("__", ".")
            size = self.dense.state_dict()[name].shape[dim]
            kept[name][dim] = shifted(kept[name][dim], size)
        plan = dataclasses.replace(self.plan, kept=kept)
        small = segprune.prune(self.dense, plan)
        return {one.kind for one in segprune.verify(self.dense, small, plan, self.x)}


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


# -- dead units, equal slots ---------------------------------------------------------------------


class DeadBehindASkip(Net):
    """A whole branch is dead on every image; what goes past it is not."""

    dead = slice(None)

    def forward(self, x: Tensor) -> Any:
        b = self.body(F.relu(self.norm(self.stem(x))))
        shift = torch.zeros(b.shape[1], 1, 1, dtype=b.dtype)
        shift[self.dead] = 1000.0
        return self.head(F.relu(b - shift)) + x.mean(1, keepdim=True)


class AllDead(DeadBehindASkip):
    def forward(self, x: Tensor) -> Any:
        return super().forward(x) - x.mean(1, keepdim=True)


class HalfDead(Net):
    """Dead units of the branch whose slots are cut wrongly, live ones beside them."""

    def __init__(self) -> None:
        super().__init__()
        self.other = nn.Conv2d(3, 24, 3, padding=1)

    def forward(self, x: Tensor) -> Any:
        b = F.relu6(self.body(F.relu(self.norm(self.stem(x)))) - 1000.0)
        return self.head(b + F.relu(self.other(x)))


@pytest.mark.parametrize("kind", [DeadBehindASkip, AllDead, HalfDead])
def test_slices_behind_dead_units_are_compared(kind: type[nn.Module]) -> None:
    case = Case(kind())
    assert case.found() == set()
    assert "equality" in case.found(**{f"norm__{leaf}": 0 for leaf in NORM})


class Multiplied(Net):
    """Nothing of the branch arrives, whatever it computes."""

    def forward(self, x: Tensor) -> Any:
        _, y = self.features(x)
        return y * 0 + x.mean(1, keepdim=True)


def test_tensors_that_change_no_output_are_not_proved() -> None:
    assert "degenerate" in Case(Multiplied()).found()


class Thrown(Net):
    """An encoder whose last stage is computed and not used."""

    def forward(self, x: Tensor) -> Any:
        a, y = self.features(x)
        self.aux(a)
        return y


def test_a_layer_whose_result_is_thrown_away_is_no_reason_to_refuse() -> None:
    assert Case(Thrown()).found() == set()


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


# -- outputs that say nothing --------------------------------------------------------------------


class Also(Net):
    """The logits, and what `other` makes of the branch that is dead for every input."""

    def other(self, b: Tensor) -> Tensor:
        raise NotImplementedError

    def forward(self, x: Tensor) -> Any:
        a, y = self.features(x)
        return y, self.other(self.aux(a) * 0)


class AlsoNumbers(Also):
    def other(self, b: Tensor) -> Tensor:
        return b + torch.arange(5).view(1, 5, 1, 1)


class AlsoOneChannel(Also):
    def other(self, b: Tensor) -> Tensor:
        return torch.cat((b[:, :1], b[:, 1:] + torch.rand_like(b[:, 1:]) * 0), 1)


class AlsoNothing(Also):
    def other(self, b: Tensor) -> Tensor:
        return b[:, :0]


class Classes(Net):
    def forward(self, x: Tensor) -> Any:
        return (self.features(x)[1] * 0).argmax(1)


class Truth(Net):
    def forward(self, x: Tensor) -> Any:
        return self.features(x)[1] * 0 > -1


class OnlySingle(Net):
    """Written for float32; the last layer's answer is its bias."""

    def forward(self, x: Tensor) -> Any:
        if x.dtype != torch.float32:
            raise TypeError("float32 only")
        _, y = self.features(x)
        return y * 0 + self.head.bias[:, None, None]


class OnlyInTraining(Net):
    def forward(self, x: Tensor) -> Any:
        a, y = self.features(x)
        return (y, self.aux(a) * 0) if self.training else y


class OfAMethod(Net):
    traced_methods = ("forward", "forward_with_aux")

    def forward(self, x: Tensor) -> Any:
        return self.features(x)[1]

    def forward_with_aux(self, x: Tensor) -> Any:
        a, y = self.features(x)
        return y, self.aux(a) * 0


@pytest.mark.parametrize(
    "kind",
    [
        AlsoNumbers, AlsoOneChannel, AlsoNothing, Classes, Truth, OnlySingle, OnlyInTraining,
        OfAMethod,
    ],
)  # fmt: skip
def test_an_output_that_is_the_same_for_every_input_proves_nothing(kind: type[nn.Module]) -> None:
    assert "degenerate" in Case(kind()).found()


class WithAGrid(Net):
    """Coordinates, sizes, an empty placeholder, and a logit that is fixed: no channel made them."""

    def __init__(self) -> None:
        super().__init__()
        self.void = nn.Parameter(torch.zeros(1))

    def forward(self, x: Tensor) -> Any:
        _, y = self.features(x)
        void = self.void.view(1, 1, 1, 1).expand(len(y), 1, *y.shape[-2:])
        fixed = torch.zeros_like(void)
        grid = torch.linspace(0, 1, y.shape[-1])
        sizes = torch.tensor(y.shape[-2:])
        return torch.cat((fixed, y, void), 1), grid, sizes, torch.empty(0)


class ArgmaxToo(Net):
    def forward(self, x: Tensor) -> Any:
        a, y = self.features(x)
        return y, self.aux(a).argmax(1)


class ClassesAlone(Net):
    def forward(self, x: Tensor) -> Any:
        return self.features(x)[1].argmax(1)


@pytest.mark.parametrize("kind", [WithAGrid, ArgmaxToo, ClassesAlone])
def test_constants_that_no_channel_made_and_whole_numbers_are_proved(kind: type[nn.Module]) -> None:
    case = Case(kind())
    assert case.found() == set()
    assert "equality" in case.found(**{f"norm__{leaf}": 0 for leaf in NORM})


def test_a_wrong_slice_behind_whole_numbers_is_seen() -> None:
    assert "equality" in Case(ArgmaxToo()).found(aux__weight=1)
