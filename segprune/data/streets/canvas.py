"""Painting with integers: boxes, ellipses and convex polygons into image, labels and depth at once.

A pixel belongs to a shape if its centre does. Coordinates are pixels, except for polygons, whose
corners are in sixteenths of a pixel. Whatever is painted later lies in front.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["SIXTEENTHS", "Canvas", "convex_mask", "ellipse_mask"]

Colour = tuple[int, int, int]
Mask = NDArray[np.bool_]

SIXTEENTHS = 16


@dataclass(frozen=True)
class Canvas:
    """A picture in the making.

    Attributes:
        image: int16 `(H, W, 3)`, RGB, not yet limited to [0, 255].
        label: uint8 `(H, W)`, class indices.
        depth: int16 `(H, W)`, distance in units of 128 cm, at most 255.
    """

    image: NDArray[np.int16]
    label: NDArray[np.uint8]
    depth: NDArray[np.int16]

    @classmethod
    def blank(cls, height: int, width: int) -> Canvas:
        """A canvas of this size, without contents."""
        return cls(
            np.zeros((height, width, 3), dtype=np.int16),
            np.zeros((height, width), dtype=np.uint8),
            np.full((height, width), 255, dtype=np.int16),
        )

    @property
    def height(self) -> int:
        """Rows."""
        return int(self.label.shape[0])

    @property
    def width(self) -> int:
        """Columns."""
        return int(self.label.shape[1])

    def box(
        self, left: int, top: int, right: int, bottom: int, colour: Colour, label: int, depth: int
    ) -> None:
        """Fill columns `left` to `right` and rows `top` to `bottom`, ends left out."""
        left, right = max(left, 0), min(right, self.width)
        top, bottom = max(top, 0), min(bottom, self.height)
        if left < right and top < bottom:
            self.image[top:bottom, left:right] = colour
            self.label[top:bottom, left:right] = label
            self.depth[top:bottom, left:right] = depth

    def ellipse(
        self, x: int, y: int, across: int, down: int, colour: Colour, label: int, depth: int
    ) -> None:
        """Fill an ellipse with its centre at pixel (x, y) and these half axes."""
        mask = ellipse_mask(max(across, 0), max(down, 0))
        self.stamp(x - max(across, 0), y - max(down, 0), mask, colour, label, depth)

    def polygon(
        self, corners: Sequence[tuple[int, int]], colour: Colour, label: int, depth: int
    ) -> None:
        """Fill a convex polygon; corners (x, y) in sixteenths of a pixel."""
        left, top, mask = convex_mask(corners, self.height, self.width)
        self.stamp(left, top, mask, colour, label, depth)

    def stamp(
        self, left: int, top: int, mask: Mask, colour: Any, label: int, depth: int,
        tone: NDArray[np.int32] | None = None,
    ) -> None:  # fmt: skip
        """Fill where a mask is set whose corner lies at (left, top).

        Args:
            tone: `(h, w)`, added to the colour.
        """
        rows, columns, mask, inner = self.clipped(left, top, mask)
        if mask.size:
            if tone is not None:
                colour = tone[inner][mask][:, None] + colour
            self.image[rows, columns][mask] = colour
            np.copyto(self.label[rows, columns], label, where=mask)
            np.copyto(self.depth[rows, columns], depth, where=mask)

    def meets(self, left: int, top: int, right: int, bottom: int) -> bool:
        """Whether a rectangle, ends included, has a pixel on the canvas."""
        return right >= 0 and bottom >= 0 and left < self.width and top < self.height

    def clipped(
        self, left: int, top: int, mask: Mask
    ) -> tuple[slice, slice, Mask, tuple[slice, slice]]:
        """A mask's part within the canvas: its rows, its columns, itself, and where it was."""
        height, width = mask.shape
        first_row, first_column = max(-top, 0), max(-left, 0)
        last_row = max(min(height, self.height - top), first_row)
        last_column = max(min(width, self.width - left), first_column)
        inner = (slice(first_row, last_row), slice(first_column, last_column))
        rows = slice(top + first_row, top + last_row)
        columns = slice(left + first_column, left + last_column)
        return rows, columns, mask[inner], inner

    def ring(
        self, x: int, y: int, radius: int, thick: int, colour: Colour, label: int, depth: int
    ) -> None:
        """Paint a circle's rim, so many pixels thick, around pixel (x, y)."""
        mask = ellipse_mask(max(radius, 0), max(radius, 0))
        inner = radius - thick
        if inner >= 0:
            mask = mask.copy()
            edge = slice(thick, mask.shape[0] - thick)
            mask[edge, edge] &= ~ellipse_mask(inner, inner)
        self.stamp(x - max(radius, 0), y - max(radius, 0), mask, colour, label, depth)

    def shade(self, x: int, y: int, across: int, down: int, percent: int) -> None:
        """Darken an ellipse around pixel (x, y): what stands on the ground keeps its light."""
        self.darken(x - across, y - down, ellipse_mask(max(across, 0), max(down, 0)), percent)

    def darken_polygon(self, corners: Sequence[tuple[int, int]], percent: int) -> None:
        """Darken a convex polygon; corners (x, y) in sixteenths of a pixel."""
        left, top, mask = convex_mask(corners, self.height, self.width)
        self.darken(left, top, mask, percent)

    def darken(self, left: int, top: int, mask: Mask, percent: int) -> None:
        """Keep so much of the light where a mask is set; labels stay as they are."""
        rows, columns, mask, _ = self.clipped(left, top, mask)
        if mask.size:
            part = self.image[rows, columns]
            part[mask] = part[mask] * np.int16(percent) // np.int16(100)


@lru_cache(maxsize=4096)
def ellipse_mask(across: int, down: int) -> Mask:
    """`(2 down + 1, 2 across + 1)`: which pixels lie in an ellipse around the middle one."""
    y = np.arange(-down, down + 1, dtype=np.int64)[:, None] * 2
    x = np.arange(-across, across + 1, dtype=np.int64)[None, :] * 2
    wide, tall = 2 * across + 1, 2 * down + 1
    mask: Mask = (x * tall) ** 2 + (y * wide) ** 2 <= (wide * tall) ** 2
    mask.setflags(write=False)
    return mask


def convex_mask(
    corners: Sequence[tuple[int, int]], height: int, width: int
) -> tuple[int, int, Mask]:
    """Which pixels' centres lie in a convex polygon: left, top, and the mask between.

    Args:
        corners: (x, y) in sixteenths of a pixel, in either direction around.
        height, width: of the canvas; the mask is cut to it.
    """
    half = SIXTEENTHS // 2
    xs, ys = [x for x, _ in corners], [y for _, y in corners]
    top = max((min(ys) - half + SIXTEENTHS - 1) // SIXTEENTHS, 0)
    bottom = min((max(ys) - half - 1) // SIXTEENTHS + 1, height)
    left = max((min(xs) - half + SIXTEENTHS - 1) // SIXTEENTHS, 0)
    right = min((max(xs) - half - 1) // SIXTEENTHS + 1, width)
    if top >= bottom or left >= right:
        return left, top, np.zeros((0, 0), dtype=np.bool_)
    centres = np.arange(top, bottom, dtype=np.int64) * SIXTEENTHS + half
    # Where each row of centres enters and leaves the polygon; all edges at once, `(edges, rows)`.
    # Level edges are never crossed.
    edges = [
        (x0, y0, y1, x1 - x0, y1 - y0)
        for (x0, y0), (x1, y1) in zip(corners, (*corners[1:], corners[0]), strict=True)
        if y0 != y1
    ]
    x0, y0, y1, across, down = np.array(edges, dtype=np.int64).T[:, :, None]
    crossed = (centres >= y0) != (centres >= y1)
    x = x0 + (centres - y0) * across // down
    starts = np.where(crossed, x, max(xs) + SIXTEENTHS).min(axis=0)
    ends = np.where(crossed, x, min(xs) - SIXTEENTHS).max(axis=0)
    places = np.arange(left, right, dtype=np.int64) * SIXTEENTHS + half
    mask: Mask = (places[None, :] >= starts[:, None]) & (places[None, :] < ends[:, None])
    return left, top, mask
