"""Parameters, state-dict entries and MACs of the networks, against counts taken elsewhere.

The oracle is another implementation's counts (the project's table of networks). A MAC is half
of what torch's own flop counter reports at batch 1 in evaluation mode.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from segprune.models import build


@dataclass(frozen=True)
class Count:
    name: str
    options: dict[str, Any]
    parameters: int
    parameters_with_aux: int
    gmacs: float
    gmacs_with_aux: float


COUNTS = [
    Count("bisenetv2", {}, 2_272_688, 2_559_920, 17.52, 18.76),
    Count("icnet", {}, 12_421_088, 12_868_832, 38.43, 40.27),
    Count("icnet", {"trunk": "resnet50"}, 29_520_352, 29_968_096, 71.20, 73.04),
]
each_count = pytest.mark.parametrize(
    "count", COUNTS, ids=lambda count: "-".join([count.name, *count.options.values()])
)


def on_meta(name: str, **options: Any) -> nn.Module:
    with torch.device("meta"):
        return build(name, **options).eval()


def parameters(model: nn.Module) -> int:
    return sum(p.numel() for p in model.parameters())


def gmacs(model: nn.Module, method: str) -> float:
    x = torch.empty(1, 3, 512, 1024, device="meta")
    counter = FlopCounterMode(display=False)
    with torch.no_grad(), counter:
        getattr(model, method)(x)
    return counter.get_total_flops() / 2 / 1e9


@each_count
def test_parameters_are_exactly_the_tabled_ones(count: Count) -> None:
    assert parameters(on_meta(count.name, aux=False, **count.options)) == count.parameters
    assert parameters(on_meta(count.name, aux=True, **count.options)) == count.parameters_with_aux


@pytest.mark.parametrize(("name", "entries"), [("bisenetv2", 2_576_409), ("icnet", 12_881_215)])
def test_state_dict_has_the_tabled_number_of_entries(name: str, entries: int) -> None:
    state = on_meta(name).state_dict()
    assert sum(tensor.numel() for tensor in state.values()) == entries


@each_count
def test_macs_at_512x1024_are_the_tabled_ones(count: Count) -> None:
    model = on_meta(count.name, **count.options)
    assert gmacs(model, "forward") == pytest.approx(count.gmacs, rel=0.0005)
    assert gmacs(model, "forward_with_aux") == pytest.approx(count.gmacs_with_aux, rel=0.0005)


@each_count
def test_auxiliary_parameters_are_those_named_aux(count: Count) -> None:
    model = on_meta(count.name, **count.options)
    auxiliary = sum(p.numel() for name, p in model.named_parameters() if "aux" in name)
    assert auxiliary == count.parameters_with_aux - count.parameters
    bare = on_meta(count.name, aux=False, **count.options)
    assert not [name for name in bare.state_dict() if "aux" in name]


@each_count
def test_half_width_halves_every_hidden_width(count: Count) -> None:
    full = on_meta(count.name, **count.options)
    half = on_meta(count.name, width=0.5, **count.options)
    pairs = list(zip(full.named_modules(), half.named_modules(), strict=True))
    convolutions = 0
    for (name, wide), (other_name, narrow) in pairs:
        assert name == other_name
        if isinstance(wide, nn.Conv2d) and isinstance(narrow, nn.Conv2d):
            convolutions += 1
            outputs, inputs = wide.out_channels, wide.in_channels
            assert narrow.out_channels == (outputs if name.endswith("classify") else outputs // 2)
            assert narrow.in_channels == (inputs if inputs == 3 else inputs // 2)
    assert convolutions > 30


def test_tiny_and_odd_widths_can_still_be_declared() -> None:
    for count in COUNTS:
        for width in (0.001, 0.37):
            gmacs(on_meta(count.name, width=width, **count.options), "forward_with_aux")
