"""Networks of torchvision and smp at random initialisation are pruned and proved, at both sizes.

In a new network activations may die out layer by layer; that is no reason to refuse it.
"""

from __future__ import annotations

import itertools
import os
from collections import Counter

import pytest
import torch
from torch import nn

import segprune
from foreign import TORCHVISION, Foreign

SIZES = (64, 160)
ARCHITECTURES = (
    "Unet", "UnetPlusPlus", "MAnet", "Linknet", "FPN", "PSPNet", "DeepLabV3", "DeepLabV3Plus",
    "PAN", "UPerNet", "Segformer",
)  # fmt: skip
ENCODERS = (
    "resnet18", "mobilenet_v2", "efficientnet-b0", "tu-mobilenetv3_small_100", "tu-regnety_002",
    "tu-resnet18d", "mobileone_s0", "tu-ghostnet_100", "vgg11", "tu-hrnet_w18_small", "mit_b0",
)  # fmt: skip
UNSUPPORTED = {
    *itertools.product(
        ("DeepLabV3", "DeepLabV3Plus", "PAN"), ("tu-ghostnet_100", "tu-hrnet_w18_small", "vgg11")
    ),
    *itertools.product(("Linknet", "UnetPlusPlus"), ("mit_b0",)),
}  # fmt: skip
"""Pairs that smp itself does not build."""

PAIRS = [
    f"{architecture}/{encoder}"
    for architecture, encoder in itertools.product(ARCHITECTURES, ENCODERS)
    if (architecture, encoder) not in UNSUPPORTED
]
STEP = int(os.environ.get("SEGPRUNE_FRESH_STEP", "10"))
"""A slow run proves a tenth of the pairs; `SEGPRUNE_FRESH_STEP=1 pytest -m slow` proves all."""


def sampled(step: int) -> list[str]:
    """One pair in `step`, each architecture and encoder at least once and about equally often."""
    sample: list[str] = []
    times: Counter[str] = Counter()
    while len(sample) * step < len(PAIRS) or not times.keys() >= {*ARCHITECTURES, *ENCODERS}:
        left = (pair for pair in PAIRS if pair not in sample)
        rarest = min(left, key=lambda pair: sum(times[part] for part in pair.split("/")))
        sample.append(rarest)
        times.update(rarest.split("/"))
    return sample


QUICK = "deeplabv3_mobilenet_v3_large"


def proved(name: str, sizes: tuple[int, ...] = SIZES) -> dict[int, tuple[str, ...]]:
    """What is found at each size that the dense network takes; pruned to half of its MACs."""
    network = Foreign(name).build()
    plan, found = None, {}
    for size in sizes:
        example = Foreign(name, size).example()
        if not runs(network, example):
            continue
        plan = plan or halved(network, example)
        small = segprune.prune(network, plan)
        found[size] = tuple(map(str, segprune.verify(network, small, plan, example)))
    assert found
    return found


def halved(network: nn.Module, example: torch.Tensor) -> segprune.PrunePlan:
    """Half of the MACs, or as close to it as the network's ties allow."""
    graph = segprune.trace(network, example)
    for share in (0.5, 0.7, 0.9):
        try:
            return segprune.make_plan(network, graph, budget={"macs": share})
        except segprune.BudgetError:
            continue
    return segprune.make_plan(network, graph, scope="local")


def runs(network: nn.Module, example: torch.Tensor) -> bool:
    try:
        with torch.no_grad():
            network(example)
    except (RuntimeError, ValueError):
        return False
    return True


@pytest.mark.parametrize("step", [1, 2, 10, 11, 1000])
def test_there_are_a_hundred_pairs_and_a_sample_has_all_architectures_and_encoders(
    step: int,
) -> None:
    assert len(PAIRS) >= 100
    sample = [pair.split("/") for pair in sampled(step)]
    assert {architecture for architecture, _ in sample} == set(ARCHITECTURES)
    assert {encoder for _, encoder in sample} == set(ENCODERS)


def test_a_sample_of_step_one_is_all_pairs_and_the_default_one_is_small() -> None:
    assert sorted(sampled(1)) == sorted(PAIRS)
    assert len(sampled(10)) <= 12


def test_a_new_deeplab_is_proved() -> None:
    assert proved(QUICK, (64,)) == {64: ()}


@pytest.mark.slow
@pytest.mark.parametrize("name", TORCHVISION)
def test_every_new_torchvision_network_is_proved(name: str) -> None:
    assert all(found == () for found in proved(name).values())


@pytest.mark.slow
@pytest.mark.parametrize("name", sampled(STEP))
def test_a_sample_of_new_smp_networks_is_proved(name: str) -> None:
    assert all(found == () for found in proved(name).values())


@pytest.mark.slow
def test_a_deeplab_that_took_some_training_steps_is_proved() -> None:
    network = Foreign(QUICK).build().train()
    optimiser = torch.optim.SGD(network.parameters(), lr=0.05)
    images = torch.randn(4, 3, 64, 64, generator=torch.Generator().manual_seed(1))
    for _ in range(3):
        optimiser.zero_grad()
        network(images)["out"].square().mean().backward()
        optimiser.step()
    network.eval()
    example = images[:1]
    plan = halved(network, example)
    assert segprune.verify(network, segprune.prune(network, plan), plan, example) == ()
