"""Defaults follow how many images there are; a recipe's numbers that do not fit are reported."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor

from segprune.training.extent import remarks
from segprune.training.recipe import Recipe, read_recipe
from segprune.workflows.train.images import (
    CALIBRATION,
    RECALIBRATION,
    Images,
    measuring_batches,
    open_images,
)
from training.tiny import RECIPE, recipe, scene, write_images, write_recipe

MEAN, DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def opened(root: Path, count: int, *changes: str) -> tuple[Images, Recipe]:
    write_images(root, training=count)
    text = RECIPE.replace('"images"', f'"{root.as_posix()}/images"')
    found = read_recipe(write_recipe(root, text), changes)
    return open_images(found.data), found


def prepared(number: int) -> Tensor:
    """Compute a network's input from the scene itself, without the pipeline."""
    pixels = torch.from_numpy(scene(number, 11)[0]).permute(2, 0, 1).double() / 255
    mean, deviation = (torch.tensor(three).view(3, 1, 1).double() for three in (MEAN, DEVIATION))
    return (pixels - mean) / deviation


@pytest.mark.parametrize("count", [4, 5, 9, 30])
def test_every_image_is_measured_once_and_as_it_is(tmp_path: Path, count: int) -> None:
    images, found = opened(tmp_path, count)
    batches = list(measuring_batches(images, found, None, RECALIBRATION))
    assert min(len(batch) for batch, _ in batches) >= 2, "one image has no variance"
    assert max(len(batch) for batch, _ in batches) <= found.training.batch_size + 1
    assert all(labels.shape == batch[:, 0].shape for batch, labels in batches)
    seen = torch.cat([batch for batch, _ in batches]).double()
    assert len(seen) == count
    for number in range(count):
        near = (seen - prepared(number)).abs().amax(dim=(1, 2, 3)) < 1e-5
        assert near.sum() == 1, number


def test_of_many_images_no_more_are_measured_than_so_many_batches(tmp_path: Path) -> None:
    images, found = opened(tmp_path, 30)
    assert len(list(measuring_batches(images, found, None, 3))) == 3
    assert CALIBRATION < RECALIBRATION


def test_images_are_measured_at_the_size_that_is_evaluated(tmp_path: Path) -> None:
    images, found = opened(tmp_path, 6, "data.size=[32, 64]", "augmentation.crop=[16, 16]")
    batches = list(measuring_batches(images, found, None, RECALIBRATION))
    assert {tuple(batch.shape[1:]) for batch, _ in batches} == {(3, 32, 64)}
    assert {tuple(labels.shape[1:]) for _, labels in batches} == {(32, 64)}
    # A crop has an eighth of the pixels: batches of four of them leave room for two whole images.
    assert {len(batch) for batch, _ in batches} == {2}


@pytest.mark.parametrize(
    ("epochs", "steps", "expected"), [(40, 3, 3), (1, 62, 6), (3, 3, 0), (100, 1, 1), (0, 3, 0)]
)
def test_a_warm_up_that_is_left_out_takes_one_epoch_and_a_tenth_at_most(
    epochs: int, steps: int, expected: int
) -> None:
    section = recipe(training__epochs=epochs, training__warmup_epochs=None).training
    assert section.warmup_over(steps) == expected


@pytest.mark.parametrize(
    ("given", "expected"), [(0.0, 0), (2.0, 20), (5.0, 50), (10.0, 10), (99, 10)]
)
def test_a_warm_up_is_as_given_unless_it_never_ends(given: float, expected: int) -> None:
    section = recipe(training__epochs=10, training__warmup_epochs=given).training
    assert section.warmup_over(10) == expected


@pytest.mark.parametrize(
    ("changes", "images", "said"),
    [
        ({"training__epochs": 20}, 8, "20 epochs of 4 steps make 80 steps in all"),
        ({"training__epochs": 1}, 2, "1 epoch of 1 step make 1 step in all"),
        (
            {"training__warmup_epochs": 2.0},
            400,
            "would take all of the training's 400; it takes 40",
        ),
        ({"training__warmup_epochs": 1.5}, 400, "takes more than half of the training's 400"),
        ({"training__ema_decay": 0.995}, 100, "averages over 200 steps reach back further"),
        (
            {"recalibration__batches": 64},
            30,
            "64 batches of 2 are 128 augmented views of 30 images",
        ),
    ],
)
def test_numbers_that_do_not_fit_are_named(
    changes: dict[str, object], images: int, said: str
) -> None:
    found = remarks(recipe(**changes), images, recovers=True)
    assert any(said in sentence for sentence in found), found
    assert all(sentence.endswith(".") for sentence in found)


def test_numbers_that_fit_are_passed_over() -> None:
    assert remarks(recipe(training__epochs=40), 400, recovers=True) == ()
    assert remarks(recipe(training__epochs=0), 2, recovers=True) == ()
    # A training measures no statistics, whatever the section says.
    assert (
        remarks(recipe(training__epochs=400, recalibration__batches=64), 30, recovers=False) == ()
    )
