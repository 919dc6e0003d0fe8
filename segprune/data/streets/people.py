"""Pedestrians, and bicyclists on their bicycles: from the front or behind, and from the side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from segprune.data.streets.canvas import Canvas
from segprune.data.streets.hashing import Draw
from segprune.data.streets.scene import BICYCLIST, PEDESTRIAN, Camera, Colour, Street

__all__ = ["Bicyclist", "Pedestrian", "draw_people"]

_CLOTHES = (
    (38, 40, 48), (70, 74, 82), (120, 52, 48), (52, 74, 112), (150, 142, 130), (196, 190, 182),
    (86, 96, 66), (172, 120, 60), (110, 60, 96),
)  # fmt: skip
_SKIN = ((206, 162, 134), (168, 122, 92), (112, 78, 58), (222, 186, 160))
_BICYCLE = (34, 34, 38)


@dataclass(frozen=True)
class Pedestrian:
    """Somebody on foot.

    Attributes:
        x, z: where the feet are; height: of the head's top; stride: between the feet.
        skin, coat, legs: colours.
    """

    x: int
    z: int
    height: int
    stride: int
    skin: Colour
    coat: Colour
    legs: Colour

    def paint_on(self, canvas: Canvas, camera: Camera) -> None:
        """Paint shadow, legs, body, arms and head."""
        z, depth, tall = self.z, self.z >> 7, self.height
        canvas.shade(camera.column(self.x, z), camera.row(0, z), camera.pixels(34, z),
                     max(camera.pixels(7, z), 1), 62)  # fmt: skip
        hip, neck = tall * 47 // 100, tall * 84 // 100
        for side in (-1, 1):
            foot, leg = self.x + side * self.stride // 2, self.x + side * 7
            corners = [
                camera.point(foot - 8, 0, z), camera.point(leg - 9, hip, z),
                camera.point(leg + 9, hip, z), camera.point(foot + 8, 0, z),
            ]  # fmt: skip
            canvas.polygon(corners, self.legs, PEDESTRIAN, depth)
        body = [
            camera.point(self.x - 19, hip - 12, z), camera.point(self.x - 23, neck - 6, z),
            camera.point(self.x - 8, neck, z), camera.point(self.x + 8, neck, z),
            camera.point(self.x + 23, neck - 6, z), camera.point(self.x + 19, hip - 12, z),
        ]  # fmt: skip
        canvas.polygon(body, self.coat, PEDESTRIAN, depth)
        head = camera.pixels(11, z)
        canvas.ellipse(camera.column(self.x, z), camera.row(tall - 13, z), head,
                       camera.pixels(13, z), self.skin, PEDESTRIAN, depth)  # fmt: skip


@dataclass(frozen=True)
class Bicyclist:
    """Somebody on a bicycle.

    Attributes:
        x, z: where the wheels touch the road; height: of the head's top.
        aside: +1 or -1: rides to the right or left, across the view; 0: along the street.
        skin, coat, legs: colours.
    """

    x: int
    z: int
    height: int
    aside: int
    skin: Colour
    coat: Colour
    legs: Colour

    def paint_on(self, canvas: Canvas, camera: Camera) -> None:
        """Paint shadow, wheels and frame, and the rider."""
        canvas.shade(camera.column(self.x, self.z), camera.row(0, self.z),
                     camera.pixels(60 if self.aside else 26, self.z),
                     max(camera.pixels(7, self.z), 1), 62)  # fmt: skip
        if self.aside:
            self._across(canvas, camera)
        else:
            self._along(canvas, camera)
        x, z = self.x + 28 * self.aside, self.z
        canvas.ellipse(camera.column(x, z), camera.row(self.height - 13, z), camera.pixels(11, z),
                       camera.pixels(13, z), self.skin, BICYCLIST, z >> 7)  # fmt: skip

    def _along(self, canvas: Canvas, camera: Camera) -> None:
        z, depth = self.z, self.z >> 7
        canvas.box(camera.column(self.x - 4, z), camera.row(70, z),
                   max(camera.column(self.x + 4, z), camera.column(self.x - 4, z) + 1),
                   camera.row(0, z) + 1, _BICYCLE, BICYCLIST, depth)  # fmt: skip
        bar = camera.row(104, z)
        canvas.box(camera.column(self.x - 28, z), bar, camera.column(self.x + 28, z),
                   bar + max(camera.pixels(5, z), 1), _BICYCLE, BICYCLIST, depth)  # fmt: skip
        for side in (-1, 1):
            self._shape(
                canvas, camera, self.legs,
                ((side * 6, 30), (side * 22, 92), (side * 4, 100), (side * 1, 36)),
            )  # fmt: skip
        top = self.height - 26
        self._shape(
            canvas,
            camera,
            self.coat,
            ((-17, 84), (-24, top - 10), (0, top), (24, top - 10), (17, 84)),
        )

    def _across(self, canvas: Canvas, camera: Camera) -> None:
        z, depth, way = self.z, self.z >> 7, self.aside
        radius = camera.pixels(34, z)
        for side in (-1, 1):
            column, row = camera.column(self.x + side * 54, z), camera.row(34, z)
            canvas.ring(column, row, radius, max(radius // 5, 1), _BICYCLE, BICYCLIST, depth)
        frame = ((-54, 30), (-50, 38), (0, 40), (50, 84), (54, 80), (8, 30))
        self._shape(canvas, camera, _BICYCLE, [(way * x, y) for x, y in frame])
        leg = ((-24, 92), (-4, 104), (16, 64), (6, 24), (-6, 24), (2, 60))
        self._shape(canvas, camera, self.legs, [(way * x, y) for x, y in leg])
        top = self.height - 26
        coat = ((-28, 88), (-20, 106), (14, top), (34, top - 6), (30, top - 24), (-4, 88))
        self._shape(canvas, camera, self.coat, [(way * x, y) for x, y in coat])
        arm = ((22, top - 18), (34, top - 16), (58, 100), (50, 96))
        self._shape(canvas, camera, self.coat, [(way * x, y) for x, y in arm])

    def _shape(
        self, canvas: Canvas, camera: Camera, colour: Colour, places: Sequence[tuple[int, int]]
    ) -> None:
        """A convex polygon; places are (to the right, up) from where the wheels touch, in cm."""
        corners = [camera.point(self.x + right, up, self.z) for right, up in places]
        canvas.polygon(corners, colour, BICYCLIST, self.z >> 7)


def draw_people(draw: Draw, street: Street) -> list[Pedestrian | Bicyclist]:
    """Pedestrians on the sidewalks, a few on the road, and bicyclists along its edges."""
    found: list[Pedestrian | Bicyclist] = []
    for _ in range(draw.pick((0, 1, 2, 3, 5, 7))):
        side, z = draw.pick((-1, 1)), draw.between(420, 1500) + draw.below(3200)
        if street.pavement[side > 0] < 60:
            continue
        x = street.edge(side, z) + side * draw.between(30, street.pavement[side > 0] - 20)
        found.append(_walker(draw, x, z))
        if draw.chance(30):
            found.append(_walker(draw, x + draw.between(40, 70), z + draw.between(-30, 30)))
    if draw.chance(22):
        z = draw.between(700, 3000)
        found.append(_walker(draw, draw.between(street.edge(-1, z), street.edge(1, z)), z))
    for _ in range(draw.pick((0, 1, 1, 2, 3))):
        z = draw.between(420, 1200) + draw.below(2600)
        side = draw.pick((-1, 1))
        aside = draw.pick((-1, 1)) if draw.chance(40) else 0
        x = street.edge(side, z) - side * draw.between(20, 130)
        if aside:
            x = draw.between(street.edge(-1, z), street.edge(1, z))
        found.append(
            Bicyclist(x, z, draw.between(160, 182), aside, draw.pick(_SKIN),
                      draw.near(draw.pick(_CLOTHES), 16), draw.near(draw.pick(_CLOTHES), 12))
        )  # fmt: skip
    return found


def _walker(draw: Draw, x: int, z: int) -> Pedestrian:
    return Pedestrian(
        x, z, draw.between(120, 188), draw.between(8, 52), draw.pick(_SKIN),
        draw.near(draw.pick(_CLOTHES), 16), draw.near(draw.pick(_CLOTHES), 12),
    )  # fmt: skip
