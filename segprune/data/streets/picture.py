"""One road scene: everything is drawn from (seed, index), then painted from far to near."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from segprune.data.streets.buildings import (
    draw_buildings,
    paint_building,
    paint_sky,
    paint_wall,
)
from segprune.data.streets.canvas import Canvas
from segprune.data.streets.furniture import draw_fences, draw_furniture
from segprune.data.streets.ground import paint_ground
from segprune.data.streets.hashing import Draw
from segprune.data.streets.light import cast_shadows, photograph
from segprune.data.streets.people import draw_people
from segprune.data.streets.scene import Camera, Light, Street
from segprune.data.streets.vehicles import draw_vehicles

__all__ = ["paint_scene"]


def paint_scene(
    seed: int, index: int, height: int, width: int
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Image `(H, W, 3)` and labels `(H, W)` of one scene; the same on every machine.

    Each part draws from an address of its own, so that a change to one leaves the others alone.
    """

    def part(number: int) -> Draw:
        return Draw(seed, index, number)

    camera = Camera.draw(part(0), height, width)
    street, light = Street.draw(part(1)), Light.draw(part(2))
    canvas = Canvas.blank(height, width)
    paint_sky(canvas, part(3), camera)
    paint_ground(canvas, part(4), camera, street)
    cast_shadows(canvas, part(5), camera, street, light)
    for building in sorted(draw_buildings(part(6), street), key=lambda b: -b.near):
        paint_building(canvas, camera, building, light.sun)
    for fence in draw_fences(part(7), street):
        paint_wall(canvas, camera, fence)
    standing = [
        *draw_furniture(part(8), street),
        *draw_vehicles(part(9), street),
        *draw_people(part(10), street),
    ]
    for thing in sorted(standing, key=lambda t: -t.z):
        thing.paint_on(canvas, camera)
    return photograph(canvas, part(11), light), canvas.label
