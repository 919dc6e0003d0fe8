"""Gradients in the memory format that a training takes, against float32."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from segprune.training.layout import untrustworthy, wants_channels_last
from segprune.training.sections import TrainingSection

SECTION = TrainingSection(epochs=1, precision="bf16-mixed", channels_last=True, accelerator="cpu")


def leave_nan_behind() -> None:
    """Freed memory full of NaN, in all sizes: who reads what nobody wrote will show it."""
    waste = [torch.full((1 << size,), torch.nan) for size in range(8, 23) for _ in range(4)]
    del waste


def gradient(convolution: nn.Conv2d, images: Tensor, sought: Tensor) -> Tensor:
    convolution.zero_grad()
    leave_nan_behind()
    result = convolution(images)
    leave_nan_behind()
    result.backward(sought.to(result.dtype))
    assert convolution.weight.grad is not None
    return convolution.weight.grad.float().contiguous()


@pytest.mark.parametrize(
    "dilation", [1, *(pytest.param(n, marks=pytest.mark.slow) for n in (2, 4))]
)
@pytest.mark.parametrize(
    ("inputs", "outputs", "groups", "kernel"),
    [
        (40, 48, 1, 3), (24, 40, 1, 3), (48, 40, 1, 3), (56, 48, 1, 3), (32, 32, 1, 3),
        (5, 7, 1, 3), (24, 24, 24, 3), (48, 24, 2, 3), (40, 48, 1, 1), (24, 48, 1, 5),
    ],
)  # fmt: skip
def test_gradients_are_those_of_float32(
    inputs: int, outputs: int, groups: int, kernel: int, dilation: int
) -> None:
    torch.manual_seed(0)
    convolution = nn.Conv2d(
        inputs, outputs, kernel, padding=dilation * (kernel // 2), dilation=dilation, groups=groups,
        bias=False,
    )  # fmt: skip
    images, sought = torch.randn(8, inputs, 32, 64), torch.randn(8, outputs, 32, 64)
    expected = gradient(convolution, images, sought)
    if wants_channels_last(convolution, SECTION):
        convolution.to(memory_format=torch.channels_last)
        images = images.contiguous(memory_format=torch.channels_last)
    for _ in range(3):
        with torch.autocast("cpu", torch.bfloat16):
            found = gradient(convolution, images, sought)
        torch.testing.assert_close(
            found, expected, rtol=0.05, atol=0.02 * float(expected.abs().max())
        )


def test_only_what_cannot_be_trusted_gives_up_channels_last() -> None:
    pruned, usual = nn.Conv2d(40, 48, 3, dilation=2), nn.Conv2d(64, 48, 3, dilation=2)
    network = nn.Sequential(usual, nn.Sequential(pruned))
    assert untrustworthy(network) == ("1.0",)
    assert not wants_channels_last(network, SECTION)
    assert wants_channels_last(nn.Sequential(usual), SECTION)
    assert wants_channels_last(network, SECTION.model_copy(update={"precision": "32-true"}))
    never = SECTION.model_copy(update={"channels_last": False})
    assert not wants_channels_last(usual, never)
