"""The classes of an image are those of a network run by hand."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from segprune.errors import InputError
from segprune.records.preprocessing import Preprocessing
from segprune.workflows.open import open_network
from segprune.workflows.predict.predictor import class_indices, count_classes, inference_cost
from workflows.small import four, macs

IMAGE = torch.randint(0, 256, (3, 16, 32), generator=torch.Generator().manual_seed(0)).byte()
GREY = Preprocessing((0.5, 0.5, 0.5), (0.25, 0.25, 0.25))


@pytest.mark.parametrize("size", [None, (8, 16), (20, 30)])
def test_they_are_the_highest_logits_at_the_size_that_is_asked_for(
    size: tuple[int, int] | None,
) -> None:
    with torch.no_grad():
        logits = four()((IMAGE[None].float() / 255 - 0.5) / 0.25)
        if size is not None:
            logits = nn.functional.interpolate(logits, size, mode="bilinear", align_corners=False)
    assert torch.equal(class_indices(four(), IMAGE, GREY, size), logits[0].argmax(0))


def test_classes_and_cost_are_counted() -> None:
    opened = open_network(four())
    assert count_classes(opened, IMAGE) == 4
    params = sum(parameter.numel() for parameter in four().parameters())
    assert inference_cost(opened, IMAGE) == (params, macs(8, 12))


def test_logits_that_are_no_numbers_are_refused() -> None:
    network = four()
    nn.init.constant_(network.head.bias, float("nan"))
    with pytest.raises(InputError, match="found NaN"):
        class_indices(network, IMAGE, GREY)
    with pytest.raises(InputError, match=r"found a shape of \(1, 24\)"):
        class_indices(nn.Sequential(nn.AdaptiveAvgPool2d((2, 4)), nn.Flatten()), IMAGE, GREY)
