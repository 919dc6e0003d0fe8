"""What stands along the street: trees and bushes, poles and lamps, signs, and fences."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from segprune.data.streets.buildings import Building
from segprune.data.streets.canvas import Canvas, ellipse_mask
from segprune.data.streets.hashing import Draw, noise
from segprune.data.streets.scene import POLE, SIGN, TREE, Camera, Colour, Street

__all__ = ["Pole", "Sign", "Tree", "draw_fences", "draw_furniture"]

_LEAVES = ((62, 88, 44), (84, 108, 52), (48, 70, 40), (106, 112, 58), (122, 104, 56))
_BOARDS = ((120, 112, 100), (74, 78, 74), (150, 146, 138), (104, 78, 58))
_METAL = ((96, 98, 100), (66, 70, 70), (132, 134, 134), (58, 74, 62))


@dataclass(frozen=True)
class Tree:
    """A tree, or a bush where the trunk is short.

    Attributes:
        x, z: of its foot; trunk: height of the crown's lower end; crown: half of its width.
        leaves: colour; seed: of its shape.
    """

    x: int
    z: int
    trunk: int
    crown: int
    leaves: Colour
    seed: int

    def paint_on(self, canvas: Canvas, camera: Camera) -> None:
        """Paint shadow, trunk, and a crown of overlapping ellipses."""
        draw, z, depth = Draw(self.seed), self.z, self.z >> 7
        middle = camera.column(self.x, z)
        radius = camera.pixels(self.crown, z)
        if not -2 * radius < middle < canvas.width + 2 * radius:
            return
        canvas.shade(middle, camera.row(0, z), radius, max(radius // 6, 1), 66)
        leaves = np.asarray(self.leaves, dtype=np.int32)
        thick = max(camera.pixels(14 + self.crown // 14, z), 1)
        bark = draw.near((82, 68, 54), 12)
        canvas.box(middle - thick // 2, camera.row(self.trunk + 40, z), middle - thick // 2 + thick,
                   camera.row(0, z) + 1, bark, TREE, depth)  # fmt: skip
        for number in range(7 if radius > 9 else 4 if radius > 3 else 2):
            across = radius * draw.between(34, 62) // 100
            down = max(across * draw.between(70, 105) // 100, 1)
            column = middle + radius * draw.between(-52, 52) // 100
            row = camera.row(self.trunk, z) - radius * draw.between(20, 150) // 100
            word = draw.word()
            if not canvas.meets(column - across, row - down, column + across, row + down):
                continue
            mask = ellipse_mask(across, down)
            # Lighter on top and darker below, in clumps, so that a crown is no disc.
            grain = noise(word, *mask.shape) >> np.uint32(27)
            tone = grain.astype(np.int32) + _slope(number, mask.shape[0])
            canvas.stamp(column - across, row - down, mask, leaves, TREE, depth, tone)


@lru_cache(maxsize=1024)
def _slope(number: int, rows: int) -> NDArray[np.int32]:
    """Light on a clump of leaves, `(rows, 1)`."""
    return number * 5 - 18 - 22 * np.arange(rows, dtype=np.int32)[:, None] // rows


@dataclass(frozen=True)
class Pole:
    """A pole or a lamp post.

    Attributes:
        x, z: of its foot; height, width: of it; arm: length of the arm at its top, with its sign.
    """

    x: int
    z: int
    height: int
    width: int
    arm: int
    colour: Colour

    def paint_on(self, canvas: Canvas, camera: Camera) -> None:
        """Paint the pole, and its arm with a lamp."""
        z, depth = self.z, self.z >> 7
        thick = max(camera.pixels(self.width, z), 1)
        left = camera.column(self.x, z) - thick // 2
        top = camera.row(self.height, z)
        canvas.box(left, top, left + thick, camera.row(0, z) + 1, self.colour, POLE, depth)
        if self.arm:
            ends = sorted((left, left + camera.f * self.arm // z))
            canvas.box(
                ends[0], top, ends[1] + 1, top + max(thick * 2 // 3, 1), self.colour, POLE, depth
            )


@dataclass(frozen=True)
class Sign:
    """A sign on a pole, or a traffic light.

    Attributes:
        x, z: of the pole's foot; height: of the sign's middle; size: half of its width.
        shape: "round", "square", "triangle" or "light".
        face, inner: colours.
    """

    x: int
    z: int
    height: int
    size: int
    shape: str
    face: Colour
    inner: Colour

    def paint_on(self, canvas: Canvas, camera: Camera) -> None:
        """Paint the pole, then the face and what is on it."""
        z = self.z
        Pole(self.x, z, self.height, 8, 0, (112, 114, 116)).paint_on(canvas, camera)
        if self.shape == "round":
            self._round(canvas, camera)
        elif self.shape == "triangle":
            self._triangle(canvas, camera, self.size, self.face)
            self._triangle(canvas, camera, self.size * 6 // 10, self.inner)
        else:
            tall = self.size * (5 if self.shape == "light" else 2) // 2
            self._box(canvas, camera, self.size, tall, self.face)
            if self.shape == "light":
                lamp, row = camera.pixels(self.size * 6 // 10, z), self.height + tall * 6 // 10
                canvas.ellipse(
                    camera.column(self.x, z),
                    camera.row(row, z),
                    lamp,
                    lamp,
                    self.inner,
                    SIGN,
                    z >> 7,
                )
            else:
                self._box(canvas, camera, self.size * 7 // 10, tall // 3, self.inner)

    def _round(self, canvas: Canvas, camera: Camera) -> None:
        column, row = camera.column(self.x, self.z), camera.row(self.height, self.z)
        for size, colour in ((self.size, self.face), (self.size * 7 // 10, self.inner)):
            radius = camera.pixels(size, self.z)
            canvas.ellipse(column, row, radius, radius, colour, SIGN, self.z >> 7)

    def _triangle(self, canvas: Canvas, camera: Camera, size: int, colour: Colour) -> None:
        corners = [
            camera.point(self.x - size, self.height - size * 7 // 10, self.z),
            camera.point(self.x, self.height + size, self.z),
            camera.point(self.x + size, self.height - size * 7 // 10, self.z),
        ]
        canvas.polygon(corners, colour, SIGN, self.z >> 7)

    def _box(self, canvas: Canvas, camera: Camera, across: int, tall: int, colour: Colour) -> None:
        z = self.z
        left, right = camera.column(self.x - across, z), camera.column(self.x + across, z)
        top, bottom = camera.row(self.height + tall, z), camera.row(self.height - tall, z) + 1
        canvas.box(left, top, max(right, left + 1), bottom, colour, SIGN, z >> 7)


def draw_furniture(draw: Draw, street: Street) -> list[Tree | Pole | Sign]:
    """A row on each sidewalk, near the kerb; trees and bushes behind it."""
    found: list[Tree | Pole | Sign] = []
    for side in (-1, 1):
        z, green = draw.between(320, 1000), draw.pick((8, 30, 55))
        lamps = draw.pick(_METAL)
        while z < 9000:
            x = street.edge(side, z) + side * draw.between(25, 55)
            if not street.crosses(z - 40, z + 40):
                kind = draw.below(100)
                if kind < green:
                    found.append(_tree(draw, x + side * 30, z))
                elif kind < 72:
                    found.append(_pole(draw, x, z, side, lamps))
                elif kind < 96:
                    found.append(_sign(draw, x, z))
            z += draw.between(260, 1000)
        z, wild = draw.between(500, 1500), draw.pick((0, 25, 60))
        while z < 9000:
            if draw.chance(wild) and not street.crosses(z - 150, z + 150):
                found.append(_tree(draw, street.outer(side, z) + side * draw.between(40, 200), z))
            z += draw.between(240, 900)
    return found


def _tree(draw: Draw, x: int, z: int) -> Tree:
    bush = draw.chance(30)
    return Tree(
        x, z,
        trunk=draw.between(10, 40) if bush else draw.between(200, 360),
        crown=draw.between(50, 110) if bush else draw.between(120, 300),
        leaves=draw.near(draw.pick(_LEAVES), 14),
        seed=draw.word(),
    )  # fmt: skip


def _pole(draw: Draw, x: int, z: int, side: int, metal: Colour) -> Pole:
    lamp = draw.chance(55)
    return Pole(
        x, z,
        height=draw.between(480, 860) if lamp else draw.between(90, 620),
        width=draw.between(10, 22),
        arm=-side * draw.between(80, 190) if lamp else 0,
        colour=draw.near(metal, 10),
    )  # fmt: skip


def _sign(draw: Draw, x: int, z: int) -> Sign:
    shape = draw.pick(("round", "round", "square", "triangle", "light"))
    red, blue, white = (176, 36, 34), (38, 82, 152), (222, 222, 216)
    face, inner = {
        "round": draw.pick(((red, white), (blue, white), (red, red))),
        "square": draw.pick(((blue, white), (white, (60, 60, 60)), ((206, 172, 40), (40, 40, 40)))),
        "triangle": draw.pick(((red, white), (red, (220, 190, 60)))),
        "light": ((36, 38, 40), draw.pick(((210, 50, 40), (60, 190, 110), (226, 170, 50)))),
    }[shape]
    size = draw.between(14, 20) if shape == "light" else draw.between(24, 44)
    return Sign(x, z, draw.between(210, 330), size, shape, face, inner)


def draw_fences(draw: Draw, street: Street) -> list[Building]:
    """Fences and garden walls behind the sidewalks, and railings at the kerb."""
    found = []
    for side in (-1, 1):
        if draw.chance(50):
            near = draw.between(250, 2600)
            far = near + draw.between(700, 3200)
            if street.crosses(near, far) and street.crossing is not None:
                near, far = street.crossing[1], street.crossing[1] + draw.between(700, 2000)
            middle = (near + far) // 2
            railing = draw.chance(25)
            if railing:
                x = street.edge(side, middle) + side * 22
            else:
                x = street.outer(side, middle) + side * 8
            colour = draw.near(draw.pick(_BOARDS), 14)
            height = draw.between(85, 120 if railing else 200)
            found.append(Building(side, near, far, x, height, colour, draw.word()))
    return found
