"""Blocks of both networks: their sizes, and the numbers that they begin with."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from segprune.models import available, build


@pytest.mark.parametrize("name", available())
def test_weights_start_at_the_scale_kaiming_asks_for(name: str) -> None:
    torch.manual_seed(0)
    model = build(name)
    for path, module in model.named_modules():
        if isinstance(module, nn.Conv2d):
            kernel = module.kernel_size[0] * module.kernel_size[1]
            expected = (2 / (module.out_channels * kernel)) ** 0.5
            assert module.weight.std().item() == pytest.approx(expected, rel=0.25), path
            assert module.bias is None or not module.bias.any(), path
        elif isinstance(module, nn.BatchNorm2d):
            assert (module.weight == 1).all(), path
            assert not module.bias.any(), path
