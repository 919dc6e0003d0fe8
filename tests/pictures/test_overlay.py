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
from segprune.reporting.pictures.lettering import as_tensor, cut, legend, width_of, wrap
from segprune.reporting.pictures.moving import in_palette
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


@pytest.mark.parametrize("table", [TABLE, CAMVID, CITYSCAPES])
@pytest.mark.parametrize("width", [90, 333, 2000])
def test_a_legend_has_every_colour_and_the_width_asked_for(table: ClassTable, width: int) -> None:
    strip = legend(table, width)
    assert strip.shape[0] == 3
    assert strip.shape[2] == width
    found = set(map(tuple, strip.flatten(1).T.tolist()))
    assert set(table.colours) <= found


def test_a_legend_of_very_many_classes_says_how_many_more() -> None:
    names = tuple(f"thing {index}" for index in range(200))
    assert legend(ClassTable(names), 600).shape[1] < 400


def test_cut_and_wrapped_lines_fit_and_lose_no_word() -> None:
    text = "a pruned network without half of its multiply-adds"
    for width in (60, 140, 1000):
        assert width_of(cut(text, width, 15), 15) <= width
        lines = wrap(text, width, 15)
        assert all(width_of(line, 15) <= width for line in lines)
    assert " ".join(wrap(text, 140, 15)) == text
    assert cut(text, 1000, 15) == text


def test_letters_that_the_font_does_not_know_are_replaced_not_drawn_as_boxes() -> None:
    assert width_of("Straßé × 中", 15) == width_of("Stra?e x ?", 15)


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


def test_a_palette_keeps_the_colours_it_is_told_to_keep() -> None:
    rng = np.random.default_rng(0)
    picture = torch.from_numpy(rng.integers(0, 256, (3, 60, 80), dtype=np.uint8))
    for number, colour in enumerate(CAMVID.colours):
        picture[:, number, :4] = torch.tensor(colour, dtype=torch.uint8)[:, None]
    few = in_palette(picture, CAMVID.colours)
    assert few.mode == "P"
    shown = as_tensor(few)
    for number, colour in enumerate(CAMVID.colours):
        apart = shown[:, number, :4].int() - torch.tensor(colour)[:, None]
        assert apart.abs().max() <= 3  # Pillow looks colours up in steps of four
    assert len(set(map(tuple, shown.flatten(1).T.tolist()))) <= 256
