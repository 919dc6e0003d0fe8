"""The trunk of ICNet takes torchvision's weights, and stays at stride 8."""

from __future__ import annotations

import pytest
import torch

from models.test_counts import on_meta


def test_trunk_weights_of_torchvision_load_as_they_are() -> None:
    resnet = pytest.importorskip("torchvision.models.resnet")
    for trunk in ("resnet18", "resnet50"):
        model = on_meta("icnet", trunk=trunk)
        with torch.device("meta"):
            published = getattr(resnet, trunk)(weights=None).state_dict()
        ours = model.get_submodule("trunk").state_dict()
        shapes = {k: v.shape for k, v in published.items() if not k.startswith("fc.")}
        assert {k: v.shape for k, v in ours.items()} == shapes
