"""Batches are images with or without labels, and activations are averaged over all of them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

import segprune
from segprune.core.planning.calibration import (
    images_of,
    labels_of,
    logits_of,
    mean_activations,
    primary,
    two_classes,
)
from segprune.errors import InputError

IMAGES, LABELS = torch.rand(2, 3, 8, 8), torch.randint(5, (2, 8, 8))


def test_cross_entropy_over_0_and_z_is_binary_cross_entropy() -> None:
    z = torch.randn(2, 1, 5, 7, dtype=torch.float64, requires_grad=True)
    labels = torch.randint(2, (2, 5, 7))
    both = F.cross_entropy(two_classes(z), labels)
    one = F.binary_cross_entropy_with_logits(z[:, 0], labels.double())
    assert torch.allclose(both, one, rtol=1e-12)
    (first,), (second,) = torch.autograd.grad(both, z), torch.autograd.grad(one, z)
    assert torch.allclose(first, second, rtol=1e-12)
    assert two_classes(torch.zeros(2, 3, 4, 4)).shape == (2, 3, 4, 4)


@pytest.mark.parametrize("batch", [IMAGES, (IMAGES, IMAGES), {"x": IMAGES}], ids=type)
def test_a_batch_without_class_indices_is_all_input(batch: Any) -> None:
    assert images_of(batch) is batch
    assert labels_of(batch) is None


@pytest.mark.parametrize("kind", [torch.uint8, torch.int32, torch.int64])
def test_class_indices_beside_images_are_labels(kind: torch.dtype) -> None:
    batch = IMAGES, LABELS.to(kind)
    assert images_of(batch) is IMAGES
    assert torch.equal(labels_of(batch), LABELS)  # type: ignore[arg-type]


def test_the_logits_are_the_entry_out_or_the_first_tensor() -> None:
    first, second = torch.zeros(1, 4, 2, 2), torch.ones(1, 4, 2, 2)
    assert primary({"aux": first, "out": second}) is second
    assert primary(([first], second)) is first
    assert logits_of({"out": torch.ones(1, 1, 2, 2)}).shape == (1, 2, 2, 2)
    with pytest.raises(InputError, match="expected a tensor, found str"):
        primary("logits")


def test_activations_are_the_mean_of_what_the_next_layer_reads() -> None:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(3, 6, 3), nn.Tanh(), nn.Conv2d(6, 4, 1)).eval()
    batches = [torch.randn(2, 3, 8, 8) for _ in range(3)]
    found = mean_activations(model, {id(model[2].weight): "2.weight"}, batches)
    with torch.no_grad():
        read = torch.stack([model[:2](batch).abs().mean((0, 2, 3)) for batch in batches])
    torch.testing.assert_close(found["2.weight", 1], read.mean(0))


@pytest.mark.parametrize(
    ("batches", "found"), [([], "found none"), (["a"], "found str in batch 0")]
)
def test_batches_without_a_tensor_are_refused(batches: Iterable[Any], found: str) -> None:
    model = nn.Sequential(nn.Conv2d(3, 6, 3), nn.ReLU(), nn.Conv2d(6, 4, 1))
    with pytest.raises(InputError, match=found):
        segprune.make_plan(model, IMAGES, importance="activation", calibration=batches)


def test_images_that_the_network_does_not_take_are_named_by_their_shape() -> None:
    model = nn.Sequential(nn.Conv2d(3, 6, 3), nn.ReLU(), nn.Conv2d(6, 4, 1))
    with pytest.raises(InputError, match=r"calibration: .*found \(2, 5, 8, 8\)"):
        mean_activations(model, {}, [Tensor(2, 5, 8, 8)])
