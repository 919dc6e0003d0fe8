"""BiSeNetV2's branches: sizes and widths as table 1 of the paper has them."""

from __future__ import annotations

import pytest
import torch

from segprune.models import build

TABLE = {
    "detail": (128, 8), "stem": (16, 4), "stage3": (32, 8), "stage4": (64, 16), "stage5": (128, 32),
}  # fmt: skip


@pytest.mark.parametrize("size", [(64, 128), (96, 160)])
def test_each_branch_has_the_channels_and_the_stride_of_the_paper(size: tuple[int, int]) -> None:
    model = build("bisenetv2").eval()
    shapes: dict[tuple[int, int], int] = {}

    def keep(_module: torch.nn.Module, _inputs: object, output: object) -> None:
        if isinstance(output, torch.Tensor) and output.dim() == 4:
            shapes[output.shape[1], size[0] // output.shape[2]] = output.shape[3]

    for module in model.modules():
        module.register_forward_hook(keep)
    with torch.no_grad():
        model(torch.rand(1, 3, *size))
    for channels, stride in TABLE.values():
        assert shapes[channels, stride] == size[1] // stride


def test_the_logits_are_those_of_the_classes_at_the_size_of_the_input() -> None:
    model = build("bisenetv2", num_classes=7, width=0.125).eval()
    with torch.no_grad():
        logits, auxiliary = model.forward_with_aux(torch.rand(2, 3, 65, 97))
    assert logits.shape == (2, 7, 65, 97)
    assert len(auxiliary) == 4
    assert all(one.shape == logits.shape for one in auxiliary)
