"""Overlays, differences, legends and palettes: which pixels they change, and to what."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from segprune.data.classes import CAMVID, CITYSCAPES, ClassTable
from segprune.errors import InputError
from segprune.reporting.pictures.overlay import MARK, class_table, difference, overlay

TABLE = ClassTable(("road", "car", "sky"), ((10, 20, 30), (255, 0, 1), (0, 128, 255)))


@st.composite
def scenes(draw: st.DrawFn) -> tuple[Tensor, Tensor, Tensor]:
    """An image and two predictions, some of their pixels void."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    height, width = draw(st.integers(1, 9)), draw(st.integers(1, 9))
    image = torch.from_numpy(rng.integers(0, 256, (3, height, width), dtype=np.uint8))
    first, second = (
        torch.from_numpy(rng.choice([0, 1, 2, 255], (height, width)).astype(np.uint8))
        for _ in range(2)
    )
    return image, first, second


@given(scenes(), st.floats(0, 1))
def test_void_is_untouched_at_any_strength(
    scene: tuple[Tensor, Tensor, Tensor], alpha: float
) -> None:
    image, indices, _ = scene
    painted = overlay(image, indices, TABLE, alpha)
    assert painted.dtype == torch.uint8
    assert torch.equal(painted[:, indices == 255], image[:, indices == 255])


@given(scenes())
def test_strength_0_is_the_image_and_strength_1_the_colours(
    scene: tuple[Tensor, Tensor, Tensor],
) -> None:
    image, indices, _ = scene
    assert torch.equal(overlay(image, indices, TABLE, 0), image)
    plain = overlay(image, indices, TABLE, 1)
    for y, x in np.ndindex(*indices.shape):
        if indices[y, x] != 255:
            assert tuple(plain[:, y, x].tolist()) == TABLE.colours[int(indices[y, x])]


@given(scenes(), st.floats(0, 1))
def test_a_pixel_lies_between_the_image_and_the_colour(
    scene: tuple[Tensor, Tensor, Tensor], alpha: float
) -> None:
    image, indices, _ = scene
    painted = overlay(image, indices, TABLE, alpha).numpy().astype(float)
    colour = overlay(image, indices, TABLE, 1).numpy().astype(float)
    wanted = image.numpy() + (colour - image.numpy()) * alpha
    assert np.abs(painted - wanted).max() <= 0.501


@given(scenes())
def test_the_difference_marks_exactly_the_pixels_that_differ(
    scene: tuple[Tensor, Tensor, Tensor],
) -> None:
    image, first, second = scene
    shown = difference(image, first, second)
    for y, x in np.ndindex(*first.shape):
        pixel = tuple(shown[:, y, x].tolist())
        if int(first[y, x]) != int(second[y, x]):
            assert pixel == MARK
        else:
            assert len(set(pixel)) == 1  # grey


def test_the_grey_of_a_difference_keeps_dark_and_light_apart() -> None:
    image = torch.tensor([0, 128, 255], dtype=torch.uint8).repeat(3, 1)[:, None]
    same = torch.zeros(1, 3, dtype=torch.int64)
    dark, middle, light = difference(image, same, same)[0, 0].tolist()
    assert dark < middle < light == 255


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda image, indices: (image.float(), indices), "uint8"),
        (lambda image, indices: (image[0], indices), "uint8"),
        (lambda image, indices: (image, indices[:1]), "size of the image"),
        (lambda image, indices: (image, indices.float()), "integers"),
        (lambda image, indices: (image, indices + 3), "below 3"),
        (lambda image, indices: (image, indices - 1), "below 3"),
    ],
)
def test_what_is_no_image_with_classes_is_refused(change: object, words: str) -> None:
    image, indices = torch.zeros(3, 2, 4, dtype=torch.uint8), torch.zeros(2, 4, dtype=torch.int64)
    with pytest.raises(InputError, match=words):
        overlay(*change(image, indices), TABLE)  # type: ignore[operator]


@pytest.mark.parametrize("alpha", [-0.1, 1.1, float("nan")])
def test_a_strength_outside_0_to_1_is_refused(alpha: float) -> None:
    image, indices = torch.zeros(3, 2, 4, dtype=torch.uint8), torch.zeros(2, 4, dtype=torch.int64)
    with pytest.raises(InputError, match="alpha"):
        overlay(image, indices, TABLE, alpha)


# ---------------------------------------------------------------- legend and letters


# ---------------------------------------------------------------- class tables and palettes


def test_a_class_table_is_found_by_names_then_by_data_set_then_made_up() -> None:
    assert class_table(11, CAMVID.names) is CAMVID
    assert class_table(19, data="cityscapes") is CITYSCAPES
    assert class_table(2, ("cat", "dog"), "camvid").names == ("cat", "dog")
    unknown = class_table(5, data="my own")
    assert unknown.names[4] == "class 4"
    assert len(set(unknown.colours)) == 5


def test_names_or_a_data_set_of_another_number_of_classes_are_refused() -> None:
    with pytest.raises(InputError, match="4 classes, found 2"):
        class_table(4, ("cat", "dog"))
    with pytest.raises(InputError, match=r"4 classes.*camvid with 11"):
        class_table(4, data="camvid")
