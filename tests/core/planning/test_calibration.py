"""What an importance looks at: images and labels of a batch, and the logits of an output."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F

from segprune.core.planning.calibration import images_of, labels_of, primary, two_classes
from segprune.errors import InputError


def test_cross_entropy_over_0_and_z_is_binary_cross_entropy() -> None:
    z = torch.randn(2, 1, 5, 7, dtype=torch.float64, requires_grad=True)
    labels = torch.randint(2, (2, 5, 7))
    both = F.cross_entropy(two_classes(z), labels)
    one = F.binary_cross_entropy_with_logits(z[:, 0], labels.double())
    assert torch.allclose(both, one, rtol=1e-12)
    (first,), (second,) = torch.autograd.grad(both, z), torch.autograd.grad(one, z)
    assert torch.allclose(first, second, rtol=1e-12)
    assert two_classes(torch.zeros(2, 3, 4, 4)).shape == (2, 3, 4, 4)


def test_labels_are_whole_numbers_n_h_w_beside_images() -> None:
    images, labels = torch.rand(2, 3, 4, 4), torch.randint(5, (2, 4, 4))
    assert images_of((images, labels)) is images
    found = labels_of((images, labels.to(torch.uint8)))
    assert found is not None
    assert torch.equal(found, labels)
    for other in ((images, torch.rand(2, 4, 4)), (images, images), images):
        assert labels_of(other) is None
        assert images_of(other) is other


@pytest.mark.parametrize("kind", ["tensor", "out first", "tuple"])
def test_logits_are_the_tensor_under_out_or_the_first_one(kind: str) -> None:
    logits, other = torch.rand(1, 5, 4, 4), torch.rand(1, 2, 4, 4)
    output = {
        "tensor": logits,
        "out first": {"aux": other, "out": logits},
        "tuple": (logits, other),
    }
    assert primary(output[kind]) is logits


def test_an_output_without_tensors_is_refused() -> None:
    with pytest.raises(InputError, match="expected a tensor, found str"):
        primary("nothing")
