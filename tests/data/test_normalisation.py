"""Which mean, deviation and range are used, from which source, and which values are refused."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from torch import nn

from segprune.data.normalisation import Given, choose
from segprune.errors import ArtifactError, InputError
from segprune.records.preprocessing import Preprocessing
from segprune.training.recipe import parse_recipe

HALF = (0.5, 0.5, 0.5)
KEPT = Preprocessing((0.4, 0.4, 0.4), (0.2, 0.2, 0.2), (8, 8))


@pytest.mark.parametrize("scale", [(0.0, 1.0), (0.0, 255.0), (-1.0, 1.0), (0.25, 0.75)])
def test_pixels_are_scaled_to_the_range_before_the_mean_is_subtracted(
    scale: tuple[float, float],
) -> None:
    pixels = np.arange(256, dtype=np.uint8).repeat(3).reshape(1, 256, 1, 3).transpose(0, 3, 1, 2)
    low, high = scale
    mean, std = (low, high, (low + high) / 2), (1.0, 2.0, 4.0)
    found = Preprocessing(mean, std, None, scale)(torch.from_numpy(pixels.copy()))
    scaled = low + (high - low) * pixels / 255.0
    wanted = (scaled - np.array(mean)[:, None, None]) / np.array(std)[:, None, None]
    assert np.allclose(found.numpy(), wanted, rtol=1e-5, atol=1e-5 * high)


def test_a_range_comes_back_from_a_file_and_is_0_to_1_where_none_is_kept() -> None:
    whole = Preprocessing((10.0, 20.0, 30.0), (40.0, 50.0, 60.0), (4, 6), (0.0, 255.0))
    kept = json.loads(json.dumps(whole.as_metadata()))
    assert Preprocessing.from_metadata(kept) == whole
    del kept["range"]
    assert Preprocessing.from_metadata(kept).range == (0.0, 1.0)
    for wrong in ([0], [1, 0], [0, float("nan")], "0-1", None):
        with pytest.raises(ArtifactError, match=r"preprocessing\.range"):
            Preprocessing.from_metadata({**kept, "range": wrong})


@pytest.mark.parametrize(
    ("mean", "std", "scale", "said"),
    [
        ((0.5, 0.5), None, None, "mean: expected 3"),
        ((0.5, 0.5, float("nan")), None, None, "mean: expected 3"),
        (None, (0.2, 0.0, 0.2), None, "std: expected numbers above 0"),
        (None, None, (0.0, 255.0), "range: expected mean and std beside it"),
        (HALF, None, (0.0, 255.0), "found one of them"),
        (HALF, HALF, (1.0, 0.0), "the lower number first"),
        ((123.7, 116.3, 103.5), (58.4, 57.1, 57.4), None, r"give range = \[0, 255\]"),
    ],
)
def test_numbers_that_mean_nothing_together_are_refused(
    mean: object, std: object, scale: object, said: str
) -> None:
    with pytest.raises(InputError, match=said):
        Given(mean, std, scale)  # type: ignore[arg-type]
    data = {"name": "streets", "mean": mean, "std": std, "range": scale}
    content = {"name": "x", "network": {"model": "icnet"}, "training": {"epochs": 1}, "data": data}
    with pytest.raises(InputError, match="data"):
        parse_recipe(content, "x")


def test_what_is_typed_wins_and_what_it_replaces_is_said() -> None:
    found = choose(Given(mean=HALF), artifact=KEPT)
    assert found.preprocessing == Preprocessing(HALF, KEPT.std, KEPT.size)
    assert "scaled to 0–1 (mean given, std of the artefact)" in (found.sentence)
    assert "in place of mean 0.4, 0.4, 0.4" in found.sentence
    assert "in place of" not in choose(Given(KEPT.mean, KEPT.std), artifact=KEPT).sentence
    # Mean and deviation together are for the usual range, though the artefact has another.
    bytes_ = Preprocessing((99.0, 99.0, 99.0), (50.0, 50.0, 50.0), None, (0.0, 255.0))
    assert choose(Given(HALF, HALF), artifact=bytes_).preprocessing.range == (0.0, 1.0)


def test_an_artefact_comes_before_its_library_and_that_before_imagenet() -> None:
    class Trunk(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.pretrained_cfg = {"mean": (0.1, 0.2, 0.3), "std": HALF}

    network = nn.Sequential(nn.Identity(), Trunk())
    assert choose(Given(), artifact=KEPT, network=network).preprocessing == KEPT
    found = choose(Given(), network=network)
    assert found.preprocessing == Preprocessing((0.1, 0.2, 0.3), HALF)
    assert found.source == "timm's pretrained_cfg of 1"
    usual = choose(Given(), network=nn.Identity())
    assert (usual.preprocessing, usual.is_assumed) == (Preprocessing(), True)
    assert "assumed" in usual.sentence


def test_libraries_are_asked_for_what_they_know() -> None:
    timm = pytest.importorskip("timm")
    smp = pytest.importorskip("segmentation_models_pytorch")
    torchvision = pytest.importorskip("torchvision")
    trunk = timm.create_model("mobilevit_xxs", features_only=True)
    config = trunk.pretrained_cfg
    found = choose(Given(), network=nn.Sequential(trunk))
    assert found.preprocessing == Preprocessing(config["mean"], config["std"])
    assert found.preprocessing != Preprocessing()  # the one of this encoder
    unet = smp.Unet("resnet18", encoder_weights=None)
    assert choose(Given(), network=unet).source == "segmentation_models_pytorch's, of resnet18"
    assert choose(Given(), network=unet).preprocessing == Preprocessing()
    lraspp = torchvision.models.segmentation.lraspp_mobilenet_v3_large(
        weights=None, weights_backbone=None
    )
    known = torchvision.models.segmentation.LRASPP_MobileNet_V3_Large_Weights.DEFAULT.transforms()
    said = choose(Given(), network=lraspp)
    assert "torchvision" in said.source
    assert said.preprocessing == Preprocessing(tuple(known.mean), tuple(known.std))
