"""Where a training computes; what needs a GPU runs where there is one."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from segprune.data.augmentation import Augmentation
from segprune.data.order import TrainingSet
from segprune.errors import InputError
from segprune.training.devices import borrowed, working_device
from segprune.training.objective import Objective
from segprune.training.sections import TrainingSection
from training.test_fit import fitted
from training.tiny import Scenes, net, recipe

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
    with contextlib.suppress(KeyError), borrowed(network, torch.device("cuda", 1)) as there:
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


@pytest.mark.skipif(torch.accelerator.is_available(), reason="asks a CPU")
def test_half_precision_that_a_cpu_has_not_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"training\.precision: .* found 16-mixed"):
        fitted(net(), recipe(training__precision="16-mixed"), tmp_path)
