"""The painter's tools against definitions written out pixel by pixel."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from segprune.data.streets.canvas import SIXTEENTHS, Canvas, convex_mask, ellipse_mask

# -- random numbers --------------------------------------------------------------------------------


# -- shapes ----------------------------------------------------------------------------------------


@given(st.integers(0, 12), st.integers(0, 12))
def test_an_ellipse_holds_the_pixels_whose_centre_it_holds(across: int, down: int) -> None:
    mask = ellipse_mask(across, down)
    assert mask.shape == (2 * down + 1, 2 * across + 1)
    a, b = Fraction(2 * across + 1, 2), Fraction(2 * down + 1, 2)
    for row in range(mask.shape[0]):
        for column in range(mask.shape[1]):
            y, x = row - down, column - across
            assert bool(mask[row, column]) == ((x / a) ** 2 + (y / b) ** 2 <= 1)


corner = st.tuples(st.integers(-100, 400), st.integers(-100, 400))


@given(corner, corner, corner)
def test_a_triangle_holds_the_pixels_whose_centre_it_holds(
    a: tuple[int, int], b: tuple[int, int], c: tuple[int, int]
) -> None:
    """Centres well inside belong to it, centres well outside do not; its rim is the painter's."""
    left, top, mask = convex_mask([a, b, c], 20, 20)
    painted = np.zeros((20, 20), dtype=bool)
    if mask.size:
        painted[top : top + mask.shape[0], left : left + mask.shape[1]] = mask
    corners = (a, b, c)
    turn = (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])
    if turn == 0:
        return
    for row in range(20):
        for column in range(20):
            x, y = column * SIXTEENTHS + 8, row * SIXTEENTHS + 8
            depths = []
            for p, q in zip(corners, (*corners[1:], corners[0]), strict=True):
                cross = (q[0] - p[0]) * (y - p[1]) - (q[1] - p[1]) * (x - p[0])
                length = max(abs(q[0] - p[0]), abs(q[1] - p[1]), 1)
                depths.append(Fraction(cross if turn > 0 else -cross, length))
            if min(depths) > 1:
                assert painted[row, column]
            elif min(depths) < -1:
                assert not painted[row, column]


@given(st.integers(-30, 30), st.integers(-30, 30), st.integers(0, 9), st.integers(0, 9))
def test_what_lies_outside_is_cut_off(x: int, y: int, across: int, down: int) -> None:
    canvas = Canvas.blank(12, 16)
    canvas.ellipse(x, y, across, down, (9, 8, 7), 3, 5)
    mask = ellipse_mask(across, down)
    for row in range(12):
        for column in range(16):
            inside = (
                0 <= row - y + down < mask.shape[0] and 0 <= column - x + across < mask.shape[1]
            )
            wanted = inside and bool(mask[row - y + down, column - x + across])
            assert (canvas.label[row, column] == 3) == wanted
            assert (tuple(canvas.image[row, column]) == (9, 8, 7)) == wanted


def test_a_ring_is_a_disc_without_its_middle() -> None:
    canvas = Canvas.blank(21, 21)
    canvas.ring(10, 10, 8, 2, (1, 1, 1), 4, 0)
    disc = np.zeros((21, 21), dtype=bool)
    disc[2:19, 2:19] = ellipse_mask(8, 8)
    disc[4:17, 4:17] &= ~ellipse_mask(6, 6)
    assert np.array_equal(canvas.label == 4, disc)


def test_shadow_takes_light_and_leaves_labels() -> None:
    canvas = Canvas.blank(10, 10)
    canvas.image[:] = 100
    canvas.shade(5, 5, 2, 2, 40)
    canvas.darken_polygon([(0, 0), (0, 48), (48, 48), (48, 0)], 50)
    assert canvas.image[5, 5, 0] == 40
    assert canvas.image[1, 1, 0] == 50
    assert not canvas.label.any()
