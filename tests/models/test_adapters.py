"""Networks of other libraries behind the contract, compared with what those libraries return."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

import segprune.models
from segprune.errors import ModelError
from segprune.models import SegmentationModel, adapt, build

TORCHVISION: list[tuple[str, dict[str, Any]]] = [
    ("deeplabv3_mobilenet_v3_large", {"aux_loss": True}),
    ("deeplabv3_mobilenet_v3_large", {"aux_loss": None}),
    ("lraspp_mobilenet_v3_large", {}),
]


def images(height: int, width: int) -> torch.Tensor:
    return torch.randn(1, 3, height, width, generator=torch.Generator().manual_seed(0))


def torchvision_network(name: str, **options: Any) -> nn.Module:
    segmentation = pytest.importorskip("torchvision.models.segmentation")
    torch.manual_seed(0)
    declare = getattr(segmentation, name)
    network: nn.Module = declare(weights=None, weights_backbone=None, num_classes=5, **options)
    return network.eval()


def smp_network(**options: Any) -> nn.Module:
    smp = pytest.importorskip("segmentation_models_pytorch")
    torch.manual_seed(0)
    network: nn.Module = smp.Unet("resnet18", encoder_weights=None, classes=5, **options)
    return network.eval()


@pytest.mark.parametrize(("name", "options"), TORCHVISION)
def test_a_torchvision_network_gives_its_own_numbers_as_a_tensor(
    name: str, options: dict[str, Any]
) -> None:
    network, x = torchvision_network(name, **options), images(65, 70)
    model = adapt(network)
    with torch.no_grad():
        expected, logits = network(x), model(x)
        logits_again, aux = model.forward_with_aux(x)
    assert logits.shape == (1, 5, 65, 70)
    torch.testing.assert_close([logits, logits_again], [expected["out"]] * 2, rtol=0, atol=0)
    torch.testing.assert_close(list(aux), [expected[k] for k in expected if k == "aux"])
    assert len(aux) == (1 if options.get("aux_loss") else 0)


def test_forward_of_an_adapted_torchvision_network_runs_no_auxiliary_classifier() -> None:
    with torch.device("meta"):
        model = adapt(torchvision_network("fcn_resnet50", aux_loss=True))
    calls: list[int] = []
    model.get_submodule("aux_classifier").register_forward_hook(lambda *_: calls.append(1))
    x = images(64, 64).to("meta")
    with torch.no_grad():
        model(x)
        assert calls == []
        model.forward_with_aux(x)
    assert calls == [1]
    names = {name.split(".")[0] for name, _ in model.named_parameters() if "aux" in name}
    assert names == {"aux_classifier"}


@pytest.mark.parametrize("aux_params", [None, {"classes": 3, "dropout": None}])
def test_an_smp_network_gives_its_own_mask_as_a_tensor(aux_params: dict[str, Any] | None) -> None:
    network, x = smp_network(aux_params=aux_params), images(64, 96)
    model = adapt(network)
    with torch.no_grad():
        expected = network(x)
        logits, aux = model.forward_with_aux(x)
        again = model(x)
    expected = expected[0] if aux_params else expected
    torch.testing.assert_close([logits, again], [expected] * 2, rtol=0, atol=0)
    assert logits.shape == (1, 5, 64, 96)
    assert aux == ()


def test_logits_of_an_smp_network_at_a_lower_resolution_are_resized() -> None:
    smp = pytest.importorskip("segmentation_models_pytorch")
    network = smp.FPN("resnet18", encoder_weights=None, classes=5, upsampling=1).eval()
    with torch.no_grad():
        assert network(images(64, 96)).shape[-2:] == (16, 24)
        assert adapt(network)(images(64, 96)).shape == (1, 5, 64, 96)


def test_adapting_twice_or_adapting_a_built_in_network_changes_nothing() -> None:
    with torch.device("meta"):
        model = build("bisenetv2")
    assert adapt(model) is model
    adapted = adapt(torchvision_network("lraspp_mobilenet_v3_large"))
    assert adapt(adapted) is adapted
    assert isinstance(adapted, SegmentationModel)
    assert adapted.traced_methods == ("forward", "forward_with_aux")


def test_an_adapter_shares_the_weights_it_was_given() -> None:
    with torch.device("meta"):
        network = torchvision_network("fcn_resnet50", aux_loss=True)
    ours, theirs = dict(adapt(network).named_parameters()), dict(network.named_parameters())
    assert ours.keys() == theirs.keys()
    assert all(ours[name] is theirs[name] for name in ours)


def test_what_cannot_be_adapted_is_refused() -> None:
    with torch.device("meta"):
        fcn, unet = torchvision_network("fcn_resnet50", aux_loss=True), smp_network()
        with_activation = smp_network(activation="sigmoid")
    foreign: list[tuple[Any, str]] = [
        (nn.Conv2d(3, 5, 1), "torch.nn.modules.conv.Conv2d"),
        (nn.Sequential(fcn), "Sequential"),
        (fcn.get_submodule("classifier"), "FCNHead"),
        (unet.get_submodule("decoder"), "UnetDecoder"),
        (with_activation, "Sigmoid"),
        ("fcn_resnet50", "str"),
    ]
    for network, found in foreign:
        with pytest.raises(ModelError, match=f"adapt: expected .* found .*{found}"):
            adapt(network)


def test_an_output_that_is_not_logits_is_refused() -> None:
    model = adapt(smp_network())
    model.network = nn.Flatten()
    with pytest.raises(ModelError, match=r"expected logits \(N, K, H, W\)"):
        model(images(64, 64))


@pytest.mark.slow
def test_importing_the_models_imports_neither_library() -> None:
    program = (
        "import sys, segprune.models\n"
        "print([m for m in ('torchvision', 'segmentation_models_pytorch') if m in sys.modules])"
    )
    root = Path(segprune.models.__file__).parents[2]
    result = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=root
    )
    assert result.stdout.strip() == "[]"
