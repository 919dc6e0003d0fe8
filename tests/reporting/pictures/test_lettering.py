"""Letters in pictures: they fit, lose no word, and a legend shows every class."""

from __future__ import annotations

import pytest

from segprune.data.classes import CAMVID, CITYSCAPES, ClassTable
from segprune.reporting.pictures.lettering import cut, legend, width_of, wrap

TABLE = ClassTable(("road", "car", "sky"), ((10, 20, 30), (255, 0, 1), (0, 128, 255)))


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
