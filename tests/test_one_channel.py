"""Networks of one output channel z, as in binary segmentation, have two classes: 0 and z."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torchvision import tv_tensors

import segprune
from segprune.data.classes import ClassTable
from segprune.data.dataset import Sample, SegmentationDataset
from segprune.errors import InputError
from segprune.evaluation.evaluate import evaluate_images, near_chance
from segprune.records.preprocessing import Preprocessing
from segprune.training.fitting import fit
from segprune.training.outputs import require_outputs
from segprune.training.recipe import Recipe, parse_recipe


class Net(nn.Module):
    """A small network whose output may end in something."""

    def __init__(self, channels: int = 1, end: nn.Module | None = None) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.first = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU())
        self.second = nn.Sequential(nn.Conv2d(8, 8, 3, padding=1), nn.ReLU())
        self.last = nn.Conv2d(8, channels, 1)
        self.end = end or nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        small = self.end(self.last(self.second(self.first(x))))
        return F.interpolate(small, scale_factor=2.0, mode="bilinear")


class Discs(SegmentationDataset):
    """Bright discs on dark ground; the label is where the picture is bright."""

    def __init__(self, names: tuple[str, ...] = ("ground", "disc"), count: int = 6) -> None:
        super().__init__("discs", "val", ClassTable(names), tuple(map(str, range(count))))

    def _read(self, index: int) -> Sample:
        draw = np.random.default_rng(index)
        y, x = np.mgrid[:16, :16]
        disc = (y - draw.integers(4, 12)) ** 2 + (x - draw.integers(4, 12)) ** 2 < 16
        image = np.where(disc, 220, 30) + draw.integers(-20, 20, (3, 16, 16))
        label = disc.astype(np.uint8)
        label[0, :3] = 255
        return Sample(
            tv_tensors.Image(torch.from_numpy(image.astype(np.uint8))),
            tv_tensors.Mask(torch.from_numpy(label)), str(index),
        )  # fmt: skip


def recipe(**training: object) -> Recipe:
    content = {
        "name": "discs", "network": {"model": "mine:Net"}, "data": {"name": "folder"},
        "training": {
            "epochs": 30, "batch_size": 3, "learning_rate": 0.1, "warmup_epochs": 0,
            "accelerator": "cpu", **training,
        },
        "augmentation": {"scale": [1, 1], "brightness": 0, "contrast": 0, "saturation": 0},
    }  # fmt: skip
    return parse_recipe(content, "recipe")


def test_pixels_are_scored_as_foreground_where_z_is_above_zero() -> None:
    model, dataset = Net().eval(), Discs()
    found = evaluate_images(model, dataset)
    counts = np.zeros((2, 2), np.int64)
    for index in range(len(dataset)):
        sample = dataset[index]
        with torch.no_grad():
            z = model(Preprocessing()(sample.image[None]))
        z = F.interpolate(z, size=(16, 16), mode="bilinear", align_corners=False)
        label = np.asarray(sample.label)
        np.add.at(counts, (label[label != 255], (z[0, 0] > 0).numpy()[label != 255].astype(int)), 1)
    assert np.array_equal(found.matrix.counts[:, :2], counts)


def test_a_binary_network_is_trained_pruned_and_proved(tmp_path: Path) -> None:
    dataset, network = Discs(), Net()
    fit(network, recipe(), dataset, tmp_path)
    network.eval()
    score = segprune.evaluate(network, dataset)
    assert score.miou > 0.8
    loader = [
        (Preprocessing()(sample.image[None]), sample.label[None].long())
        for sample in (dataset[index] for index in range(3))
    ]
    example = loader[0][0]
    plan = segprune.make_plan(
        network, example, scope={"second.0": 0.5}, importance="taylor", calibration=loader
    )
    small = segprune.prune(network, plan)
    assert segprune.verify(network, small, plan, example) == ()
    assert segprune.evaluate(small, dataset).images == 6


@pytest.mark.parametrize("names", [("a",), ("a", "b", "c")])
def test_one_channel_for_other_than_two_classes_is_refused_by_name(names: tuple[str, ...]) -> None:
    with pytest.raises(InputError, match=rf"{len(names)} classes, found one channel.*background"):
        segprune.evaluate(Net(), Discs(names))
    with pytest.raises(InputError, match=rf"{len(names)} classes, found one channel"):
        require_outputs(Net(), torch.rand(1, 3, 8, 8), len(names), "network.model")


def test_a_network_that_guesses_is_told_from_one_that_does_not() -> None:
    class Bright(nn.Module):
        """A network that sees discs if pixels are normalised as it expects."""

        def forward(self, x: Tensor) -> Tensor:
            return x.mean(1, keepdim=True)

    right = Preprocessing((0.5, 0.5, 0.5), (1.0, 1.0, 1.0))
    assert near_chance(evaluate_images(Bright(), Discs(), preprocessing=right).matrix) == ""
    other = Preprocessing((0.0, 0.0, 0.0), (1.0, 1.0, 1.0))  # nothing is below it
    said = near_chance(evaluate_images(Bright(), Discs(), preprocessing=other).matrix)
    for word in ("guessing", "100%", "class 1", "normalisation", "order of the classes"):
        assert word in said
