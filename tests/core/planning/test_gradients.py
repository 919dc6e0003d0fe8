"""Importances see w · ∂L/∂w of each batch, for the loss that training would use."""

from __future__ import annotations

from typing import Any, NamedTuple

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from segprune.core.planning.gradients import on_each_batch, one_by_one
from segprune.errors import InputError


class Batch(NamedTuple):
    images: Tensor
    labels: Tensor


def network(channels: int = 1) -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(3, 8, 3, padding=1),
        nn.ReLU(),
        nn.Conv2d(8, channels, 1),
        nn.Upsample(scale_factor=2),
    ).eval()


def products(model: nn.Module, batches: Any, loss: Any = None) -> list[Tensor]:
    found: list[Tensor] = []
    on_each_batch(model, ["0.weight"], batches, loss, lambda one: found.append(one["0.weight"]))
    return found


def test_one_channel_has_the_gradient_of_binary_cross_entropy() -> None:
    model = network()
    images, labels = torch.randn(2, 3, 8, 8), torch.randint(2, (2, 16, 16))
    (found,) = products(model, [(images, labels)])
    loss = F.binary_cross_entropy_with_logits(model(images)[:, 0], labels.float())
    (gradient,) = torch.autograd.grad(loss, model[0].weight)
    assert torch.allclose(found, (model[0].weight * gradient).detach(), atol=1e-6)
    assert found.abs().max() > 0


def test_void_pixels_have_no_gradient() -> None:
    images, labels = torch.randn(1, 3, 8, 8), torch.randint(4, (1, 16, 16))
    half = labels.clone()
    half[:, :8] = 255
    (found,) = products(network(4), [(images, half)])
    model = network(4)
    loss = F.cross_entropy(model(images)[:, :, 8:], labels[:, 8:])
    (gradient,) = torch.autograd.grad(loss, model[0].weight)
    torch.testing.assert_close(found, (model[0].weight * gradient).detach())


@pytest.mark.parametrize(
    "labels", [torch.rand(2, 1, 8, 8), torch.ones(2, 4, 8, 8, dtype=torch.long)]
)
def test_masks_of_several_channels_are_refused_by_name(labels: Tensor) -> None:
    with pytest.raises(InputError, match="multilabel"):
        products(network(), [(torch.rand(2, 3, 8, 8), labels)])


@pytest.mark.parametrize(
    "loss", [lambda out, batch: out, lambda out, batch: 1.0, lambda out, batch: out.detach().sum()]
)
def test_a_loss_without_one_number_and_a_gradient_is_refused(loss: Any) -> None:
    with pytest.raises(InputError, match=r"loss: expected .* one number with a gradient"):
        products(network(), [torch.rand(1, 3, 8, 8)], loss)


def test_batches_are_taken_apart_image_by_image_with_their_labels() -> None:
    images, labels = torch.rand(3, 3, 4, 4), torch.arange(48).view(3, 4, 4)
    found = [*one_by_one([(images, labels), {"x": images[:1]}])]
    assert len(found) == 4
    for number, (image, label) in enumerate(found[:3]):
        assert torch.equal(image, images[number : number + 1])
        assert torch.equal(label, labels[number : number + 1])
    assert torch.equal(found[3]["x"], images[:1])


def test_a_batch_whose_tensors_disagree_stays_whole() -> None:
    batch = torch.rand(3, 3, 4, 4), torch.rand(2, 3, 4, 4)
    assert [*one_by_one([batch])] == [batch]


def test_a_batch_may_be_a_namedtuple() -> None:
    images, labels = torch.randn(2, 3, 8, 8), torch.randint(4, (2, 16, 16))
    (plain,) = products(network(4), [(images, labels)])
    (named,) = products(network(4), [Batch(images, labels)])
    assert torch.equal(plain, named)
    assert [type(one) for one in one_by_one([Batch(images, labels)])] == [Batch, Batch]
