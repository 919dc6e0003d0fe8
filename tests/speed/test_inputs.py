"""What speed is measured on: a batch, in the memory format that was asked for."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from segprune.errors import InputError
from segprune.speed import (
    measure,
)
from segprune.speed.inputs import in_format


def test_inputs_without_a_tensor_are_refused() -> None:
    with pytest.raises(InputError, match="str"):
        measure(nn.Identity(), nn.Identity(), "image.png")


def test_both_networks_see_the_images_in_the_format_that_they_were_given_in() -> None:
    seen = []

    class Look(nn.Module):
        def forward(self, images: Tensor) -> Tensor:
            seen.append(images.is_contiguous(memory_format=torch.channels_last))
            return images

    measure(Look(), Look(), in_format(torch.zeros(1, 3, 8, 8), "channels_last"), pairs=6)
    assert seen == [True] * 18
