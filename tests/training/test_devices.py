"""Where a training computes; what needs a GPU runs where there is one."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from segprune.data.augmentation import Augmentation
from segprune.data.order import TrainingSet
from segprune.training.devices import on_device, untrustworthy, wants_channels_last, working_device
from segprune.training.objective import Objective
from segprune.training.sections import TrainingSection
from training.tiny import Scenes, net

on_a_gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")


@pytest.fixture
def two_gpus(monkeypatch: pytest.MonkeyPatch) -> None:
    """As torch would tell it where there are two."""
    gpu = torch.device("cuda")
    monkeypatch.setattr(torch.accelerator, "current_accelerator", lambda **_: gpu)
    monkeypatch.setattr(torch.accelerator, "device_count", lambda: 2)


@pytest.mark.parametrize(
    ("accelerator", "rank", "expected"),
    [
        ("auto", 0, "cuda:0"), ("gpu", 0, "cuda:0"), ("cuda", 1, "cuda:1"),
        ("auto", 3, "cuda:1"),  # two processes share a device
        ("cpu", 0, "cpu"), ("tpu", 0, "cpu"),
    ],
)  # fmt: skip
@pytest.mark.usefixtures("two_gpus")
def test_work_is_done_where_the_recipe_trains(
    accelerator: str, rank: int, expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOCAL_RANK", str(rank))
    section = TrainingSection(epochs=1, accelerator=accelerator)
    assert str(working_device(section)) == expected


def test_without_an_accelerator_it_is_done_on_the_processor(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(torch.accelerator, "current_accelerator", lambda **_: None)
    assert working_device(TrainingSection(epochs=1)) == torch.device("cpu")


@pytest.fixture
def precisions() -> Iterator[None]:
    """Puts back what torch computes float32 in."""
    kinds = (torch.backends.cudnn.conv, torch.backends.cudnn.rnn, torch.backends.cuda.matmul)
    before = [kind.fp32_precision for kind in kinds]
    yield
    torch.backends.fp32_precision = "none"
    for kind, precision in zip(kinds, before, strict=True):
        kind.fp32_precision = precision


@pytest.mark.parametrize("everywhere", [False, True])
@pytest.mark.parametrize("before", ["tf32", "ieee"])
@pytest.mark.usefixtures("precisions")
def test_a_network_comes_back_and_so_do_settings(
    before: str, everywhere: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    convolutions, products = torch.backends.cudnn.conv, torch.backends.cuda.matmul
    if everywhere:
        torch.backends.fp32_precision = before  # then cudnn.allow_tf32 can no longer be read
    convolutions.fp32_precision = products.fp32_precision = before
    network, moves = net(), list[str]()

    def moved(device: Any) -> nn.Module:
        moves.append(str(device))
        return network

    monkeypatch.setattr(network, "to", moved)
    with contextlib.suppress(KeyError), on_device(network, torch.device("cuda", 1)) as there:
        assert there is network
        assert convolutions.fp32_precision == products.fp32_precision == "ieee"
        raise KeyError
    assert convolutions.fp32_precision == products.fp32_precision == before
    assert moves == ["cuda:1", "cpu"]


@on_a_gpu
def test_a_gpu_takes_the_same_views() -> None:
    views = Augmentation(crop=(48, 80), rare=0.5)
    here = TrainingSet(Scenes(), views, 0)
    there = TrainingSet(Scenes(), views, 0, torch.device("cuda"))
    for key in ((epoch, index) for epoch in range(4) for index in range(len(here))):
        (image, label), (other, its_label) = here[key], there[key]
        assert other.device.type == its_label.device.type == "cuda"
        assert torch.equal(label, its_label.cpu())
        # One rounding in the interpolation, and one in each change of colour.
        assert (image.int() - other.cpu().int()).abs().max() <= 4


@on_a_gpu
def test_on_a_gpu_the_gradient_of_the_loss_is_that_of_the_processor() -> None:
    draw = torch.Generator().manual_seed(0)
    logits = torch.randn(2, 5, 6, 8, generator=draw)
    target = torch.randint(5, (2, 24, 32), generator=draw)

    def gradient(device: str) -> Tensor:
        small = logits.to(device).requires_grad_()
        large = F.interpolate(small, scale_factor=4, mode="bilinear", align_corners=False)
        terms = Objective(TrainingSection(epochs=1))(large, (), target.to(device))
        terms["segmentation"].backward()
        assert small.grad is not None
        return small.grad.cpu()

    torch.testing.assert_close(gradient("cuda"), gradient("cpu"), rtol=1e-4, atol=1e-7)


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
