"""The images of a recipe: which are measured, how often, and at which size."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import torch
from torch import Tensor

from segprune.errors import InputError
from segprune.training.recipe import Recipe, read_recipe
from segprune.workflows.train.images import (
    CALIBRATION,
    RECALIBRATION,
    Images,
    measuring_batches,
    open_images,
)
from training.test_recipe import streets
from training.tiny import (
    RECIPE,
    SMALL,
    scene,
    write_images,
    write_recipe,
)
from workflows.train.runs import (
    made,
)

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


def test_a_recipe_s_pattern_says_which_validation_images_are_one_sequence() -> None:
    images = open_images(streets(sequences="val-000(.)"))
    assert images.validation.sequences == ("0",) * 10 + ("1",) * 2


def test_a_recipe_s_pattern_that_finds_nothing_is_refused_before_anything_runs() -> None:
    with pytest.raises(InputError, match=r"data\.sequences: expected the pattern 'camera'"):
        open_images(streets(sequences="camera"))


def test_training_batches_are_those_of_the_first_epochs() -> None:
    wanted = made(SMALL)
    images = open_images(wanted.data)
    five = list(measuring_batches(images, wanted, 5, RECALIBRATION))
    assert [tuple(batch.shape) for batch, _ in five] == [(4, 3, 64, 128)] * 5
    assert all(
        torch.equal(a[0], b[0])
        for a, b in zip(five[:3], measuring_batches(images, wanted, 3, RECALIBRATION), strict=True)
    )
    assert not torch.equal(five[0][0], five[2][0])
    assert list(measuring_batches(images, wanted, 0, RECALIBRATION)) == []


def test_images_that_serve_for_training_and_evaluation_have_to_be_asked_for() -> None:
    root = Path("unsplit")
    shutil.copytree(Path("images", "train"), root)
    names = ", ".join(f'"class {number}"' for number in range(11))
    (root / "classes.toml").write_text(f"names = [{names}]\n")
    unsplit = ("data.name=folder", f"data.root={root}")
    with pytest.raises(InputError, match="found the images of training again"):
        open_images(made(SMALL, *unsplit).data)
    asked = made(SMALL, *unsplit, "data.val=train")
    assert len(open_images(asked.data).validation) == 8
