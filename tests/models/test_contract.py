"""What any caller of a built-in network may rely on, whatever the input size and the mode."""

from __future__ import annotations

import copy
from functools import cache

import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st

from segprune.models import SegmentationModel, available, build

CLASSES = 5
AUX_HEADS = {"bisenetv2": 4, "icnet": 2}
each_model = pytest.mark.parametrize("name", available())


@cache
def small(name: str, aux: bool = True) -> SegmentationModel:
    """A narrow network; tests must not change it."""
    torch.manual_seed(0)
    return build(name, num_classes=CLASSES, aux=aux, width=0.25).eval()


def images(height: int, width: int, batch: int = 1) -> torch.Tensor:
    return torch.randn(batch, 3, height, width, generator=torch.Generator().manual_seed(0))


@each_model
@settings(max_examples=12, deadline=None, derandomize=True)
@given(height=st.integers(64, 200), width=st.integers(64, 200))
@example(height=64, width=64)
@example(height=65, width=127)
@example(height=360, width=480)
def test_any_input_size_from_64_gives_logits_of_that_size(
    name: str, height: int, width: int
) -> None:
    with torch.no_grad():
        logits, aux = small(name).forward_with_aux(images(height, width))
    shapes = [tuple(t.shape) for t in (logits, *aux)]
    assert shapes == [(1, CLASSES, height, width)] * (1 + AUX_HEADS[name])


@each_model
@pytest.mark.parametrize("aux", [True, False])
@pytest.mark.parametrize("training", [True, False])
def test_forward_gives_one_tensor_in_every_mode(name: str, aux: bool, training: bool) -> None:
    model = copy.deepcopy(small(name, aux)).train(training)
    with torch.no_grad():
        logits = model(images(64, 96, batch=2))
    assert isinstance(logits, torch.Tensor)
    assert logits.shape == (2, CLASSES, 64, 96)


@each_model
def test_forward_is_the_first_value_of_forward_with_aux(name: str) -> None:
    x = images(70, 91)
    with torch.no_grad():
        logits, _ = small(name).forward_with_aux(x)
        torch.testing.assert_close(small(name)(x), logits, rtol=0, atol=0)


@each_model
def test_without_auxiliary_heads_the_tuple_is_empty_and_the_logits_stay(name: str) -> None:
    x, bare = images(64, 64), copy.deepcopy(small(name, aux=False))
    shared = {k: v for k, v in small(name).state_dict().items() if "aux" not in k}
    bare.load_state_dict(shared, strict=True)
    with torch.no_grad():
        logits, aux = bare.forward_with_aux(x)
        torch.testing.assert_close(logits, small(name)(x), rtol=0, atol=0)
    assert aux == ()


@each_model
def test_the_input_is_left_alone_and_a_second_call_agrees(name: str) -> None:
    model, x = small(name), images(64, 80)
    before = x.clone()
    with torch.no_grad():
        first, second = model(x), model(x)
    torch.testing.assert_close(x, before, rtol=0, atol=0)
    torch.testing.assert_close(first, second, rtol=0, atol=0)


@each_model
def test_every_parameter_receives_a_gradient_through_forward_with_aux(name: str) -> None:
    model = copy.deepcopy(small(name)).train()
    logits, aux = model.forward_with_aux(images(96, 96, batch=2))
    torch.autograd.backward(torch.stack([logits, *aux]).square().mean())
    missing = [n for n, p in model.named_parameters() if p.grad is None]
    assert missing == []


@each_model
def test_forward_uses_every_parameter_but_the_auxiliary_ones(name: str) -> None:
    model = copy.deepcopy(small(name)).train()
    torch.autograd.backward(model(images(96, 96, batch=2)).square().mean())
    unused = {n for n, p in model.named_parameters() if p.grad is None}
    assert unused == {n for n, _ in model.named_parameters() if "aux" in n}


@each_model
def test_each_image_of_a_batch_is_segmented_on_its_own(name: str) -> None:
    x = images(64, 64, batch=2)
    with torch.no_grad():
        together = small(name)(x)
        alone = torch.cat([small(name)(x[:1]), small(name)(x[1:])])
    torch.testing.assert_close(together, alone, rtol=1e-4, atol=1e-4)


def test_the_half_scale_of_icnet_runs_no_further_than_layer2_unless_asked_to() -> None:
    model = build("icnet", width=0.125, whole_trunk=False).eval()
    calls: list[str] = []
    trunk = model.get_submodule("trunk")
    for layer in ("layer2", "layer3", "layer4"):
        trunk.get_submodule(layer).register_forward_hook(
            lambda _module, _inputs, _output, layer=layer: calls.append(layer)
        )
    with torch.no_grad():
        model(images(64, 64))
    assert sorted(calls) == ["layer2", "layer2", "layer3", "layer4"]


@pytest.mark.parametrize("trunk", ["resnet18", "resnet50"])
def test_trunk_stays_at_stride_8_by_dilating_one_convolution_per_layer(trunk: str) -> None:
    model = build("icnet", trunk=trunk, width=0.125).get_submodule("trunk").eval()
    with torch.no_grad():
        assert model(images(65, 128)).shape[-2:] == (9, 16)
    dilated = {
        name: module.dilation
        for name, module in model.named_modules()
        if isinstance(module, torch.nn.Conv2d) and module.dilation != (1, 1)
    }
    conv = "conv1" if trunk == "resnet18" else "conv2"
    assert dilated == {f"layer3.0.{conv}": (2, 2), f"layer4.0.{conv}": (4, 4)}
