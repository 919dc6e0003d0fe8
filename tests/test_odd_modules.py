"""Modules with ways of their own: to be copied, to change mode, to answer for names, to store."""

from __future__ import annotations

import dataclasses
import warnings
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import segprune
from faults.planting import shifted


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
    plan = segprune.make_plan(network, X, budget={"channels": 0.5}, scope="local")
    small = segprune.prune(network, plan)
    assert small.get_parameter("head.weight").shape == (4, 6, 1, 1)
    return segprune.verify(network, small, plan, X)


class CopiedAsItself(Net):
    def __deepcopy__(self, memo: dict[int, Any]) -> CopiedAsItself:
        return self


@pytest.mark.parametrize("within", [False, True])
def test_a_module_whose_copy_is_itself_is_copied_all_the_same(within: bool) -> None:
    network = nn.Sequential(Net(), CopiedAsItself()) if within else CopiedAsItself()
    if within:
        network[1].a = nn.Conv2d(4, 12, 1)
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    graph = segprune.trace(network.eval(), X)
    assert graph.free_share > 0
    plan = segprune.make_plan(network, graph, budget={"channels": 0.5}, scope="local")
    assert segprune.verify(network, segprune.prune(network, plan), plan, X) == ()
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
    with pytest.raises(segprune.ModelError, match=r"adjacency.*sparse_coo.*to_dense"):
        segprune.trace(Graph(torch.eye(256).to_sparse()).eval(), X)


def test_packed_weights_of_a_quantised_module_are_refused_by_its_name() -> None:
    network = Net().eval()
    network.a = nn.Sequential(nn.Linear(3, 12))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch says that this will move to another package
        integers = torch.quantize_per_tensor(torch.rand(12, 3), 0.1, 0, torch.qint8)
    network.a[0]._packed_params = torch.ops.quantized.linear_prepack(integers, None)
    with pytest.raises(segprune.ModelError, match=r"a\.0.*packed.*quantised"):
        segprune.trace(network, X)


class RegistersAGrid(Net):
    """A buffer that the first run registers, for its size."""

    def forward(self, x: Tensor) -> Any:
        y = self.a(x)
        if "grid" not in self._buffers:
            self.register_buffer("grid", torch.arange(float(y.shape[-1])), persistent=False)
        return self.head(self.n(y + self.grid).relu())


class StoresAGrid(Net):
    def forward(self, x: Tensor) -> Any:
        y = self.a(x)
        if not hasattr(self, "grid"):
            self.grid = torch.arange(y.shape[-1])
        return self.head(self.n(y + self.grid).relu())


@pytest.mark.parametrize("kind", [RegistersAGrid, StoresAGrid])
def test_what_a_first_run_keeps_for_its_size_stands_in_no_way(kind: type[Net]) -> None:
    network = kind().eval()
    assert violations(network) == ()
    assert not hasattr(network, "grid")


class PartInBfloat16(Net):
    def __init__(self) -> None:
        super().__init__()
        self.a.bfloat16()

    def forward(self, x: Tensor) -> Any:
        return self.head(self.n(self.a(x.bfloat16()).float()).relu())


class PartInDouble(Net):
    def __init__(self) -> None:
        super().__init__()
        self.head.double()

    def forward(self, x: Tensor) -> Any:
        return self.head(self.n(self.a(x)).relu().to(x.device, torch.float64))


class WholeInBfloat16(Net):
    def __init__(self) -> None:
        super().__init__()
        self.bfloat16()

    def forward(self, x: Tensor) -> Any:
        return super().forward(x.type(torch.bfloat16)).softmax(1, dtype=torch.float32)


@pytest.mark.parametrize("kind", [PartInBfloat16, PartInDouble, WholeInBfloat16])
def test_a_network_that_computes_a_part_in_another_type_is_proved_and_its_faults_are_found(
    kind: type[Net],
) -> None:
    network = kind().eval()
    assert violations(network) == ()
    plan = segprune.make_plan(network, X, budget={"channels": 0.5}, min_channels=1)
    rows = shifted(plan.kept["head.weight"][1], 12)
    wrong = dataclasses.replace(plan, kept={**plan.kept, "head.weight": {1: rows}})
    found = segprune.verify(network, segprune.prune(network, wrong), wrong, X)
    assert {violation.kind for violation in found} >= {"equality"}


class DrawsFromItsOwn(Net):
    """In training, noise from a generator that the network owns."""

    def __init__(self) -> None:
        super().__init__()
        self.generator = torch.Generator().manual_seed(2)

    def forward(self, x: Tensor) -> Any:
        y = self.a(x)
        if self.training:
            y = y * (torch.rand(16, 16, generator=self.generator).to(y) > 0.1)
        return self.head(self.n(y).relu())


def test_a_network_with_a_generator_of_its_own_is_proved_and_the_generator_stays() -> None:
    network = DrawsFromItsOwn().eval()
    before = network.generator.get_state()
    assert violations(network) == ()
    assert torch.equal(network.generator.get_state(), before)


class AddsAParameter(Net):
    def forward(self, x: Tensor) -> Any:
        y = self.a(x)
        if not hasattr(self, "gain"):
            self.gain = nn.Parameter(torch.ones(y.shape[1], 1, 1, device=y.device))
        return self.head(self.n(y * self.gain).relu())


class AddsALayer(Net):
    def forward(self, x: Tensor) -> Any:
        y = self.a(x)
        if not hasattr(self, "mix"):
            self.mix = nn.Conv2d(y.shape[1], 12, 1).to(y.device)
        return self.head(self.n(self.mix(y)).relu())


@pytest.mark.parametrize(("kind", "name"), [(AddsAParameter, "gain"), (AddsALayer, "mix.weight")])
def test_parameters_that_the_first_run_adds_are_named_and_there_after_it(
    kind: type[Net], name: str
) -> None:
    network = kind().eval()
    with pytest.raises(segprune.ModelError, match=f"^{name}: .*run the network once"):
        segprune.trace(network, X)
    network(X)
    assert violations(network) == ()


class Returns(Net):
    def __init__(self, change: Any) -> None:
        super().__init__()
        self.change = change

    def forward(self, x: Tensor) -> Any:
        return self.change(super().forward(x))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda y: None, r"^Returns\.forward: expected tensors as its output, found none"),
        (lambda y: y.numpy(), "^forward: expected tensors in .* found a ndarray"),
    ],
)
def test_an_output_that_is_no_tensor_is_no_fault_of_the_example(change: Any, said: str) -> None:
    with pytest.raises(segprune.TraceError, match=said) as raised:
        segprune.trace(Returns(change).eval(), X)
    assert "example inputs" not in str(raised.value)
