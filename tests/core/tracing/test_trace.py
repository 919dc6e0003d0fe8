"""Networks and examples that cannot be traced are refused in words."""

from __future__ import annotations

import contextlib
from typing import Any

import pytest
import torch
from torch import Tensor

import segprune
from networks import Construct, Network
from networks.whole import NamedInputs, UNet
from refusals import refuses, unet
from segprune.errors import (
    SegpruneError,
    TraceError,
)


class Raises(Network):
    def forward(self, x: Tensor) -> Tensor:
        raise RuntimeError("the user's own failure")


class ReturnsNothing(Network):
    def forward(self, x: Tensor) -> None:  # type: ignore[override]
        self.stem(x)


class AsksForValues(Network):
    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x * float(x.sum().item() > 0))


EXAMPLES: dict[str, tuple[Any, tuple[str, ...]]] = {
    "too few dimensions": (torch.zeros(3, 32), ("example",)),
    "wrong channels": (torch.zeros(1, 4, 32, 32), ("[1, 4, 32, 32]",)),
    "too many tensors": ((torch.zeros(1, 3, 32, 32),) * 2, ("example",)),
    "no tensor": ("image.png", ("str",)),
    "none": (None, ("none",)),
    "an empty tuple": ((), ("example",)),
    "integers": (torch.zeros(1, 3, 32, 32, dtype=torch.int64), ("int64",)),
    "another name": ({"image": torch.zeros(1, 3, 32, 32)}, ("image",)),
}


@pytest.mark.parametrize("case", EXAMPLES)
def test_wrong_example_inputs_are_refused(case: str) -> None:
    example, words = EXAMPLES[case]
    refuses(lambda: segprune.trace(unet()[0], example), *words)


def test_a_missing_keyword_argument_is_named() -> None:
    network, example = Construct("NamedInputs", NamedInputs).build()
    refuses(lambda: segprune.trace(network, {"image": example["image"]}), "depth")


def test_what_is_no_module_is_refused() -> None:
    refuses(lambda: segprune.trace(lambda x: x, torch.zeros(1, 3, 8, 8)), "module")


def test_a_forward_that_raises_is_refused_with_its_own_words() -> None:
    refuses(
        lambda: segprune.trace(Raises(), torch.zeros(1, 3, 32, 32)),
        "the user's own failure", "Raises", error=TraceError,
    )  # fmt: skip


def test_a_network_without_outputs_is_refused() -> None:
    refuses(lambda: segprune.trace(ReturnsNothing(), torch.zeros(1, 3, 32, 32)), "output")


def test_a_network_that_looks_at_values_is_refused_or_proved() -> None:
    network, example = AsksForValues().eval(), torch.ones(1, 3, 32, 32)
    with contextlib.suppress(SegpruneError):
        graph = segprune.trace(network, example)
        plan = segprune.make_plan(network, graph, budget={"macs": 0.5})
        assert segprune.verify(network, segprune.prune(network, plan), plan, graph) == ()


def test_a_missing_traced_method_is_named() -> None:
    network = UNet()
    network.traced_methods = ("forward", "forward_twice")  # type: ignore[assignment]
    refuses(lambda: segprune.trace(network, torch.zeros(1, 3, 32, 32)), "forward_twice")


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_weights_that_are_not_finite_are_refused_by_name(value: float) -> None:
    network, example = Construct("UNet", UNet).build()
    network.deep[0].weight.data[3, 2, 1, 1] = value
    refuses(
        lambda: segprune.make_plan(network, example, budget={"macs": 0.5}), "deep.0.weight"
    )  # fmt: skip


def test_unknown_built_in_names_and_options_are_refused() -> None:
    refuses(lambda: segprune.build("resnet"), "resnet", "icnet", "bisenetv2")
    refuses(lambda: segprune.build("icnet", num_classes=0), "num_classes", "0")
    refuses(lambda: segprune.build("bisenetv2", colour="red"), "colour")


def test_cost_of_a_wrong_example_is_refused() -> None:
    refuses(lambda: segprune.cost(unet()[0], torch.zeros(1, 4, 32, 32)), "[1, 4, 32, 32]")
