"""Sky, and the buildings along the street: facades with windows, seen at an angle or head on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from segprune.data.streets.canvas import Canvas
from segprune.data.streets.hashing import Draw, noise, smooth_noise
from segprune.data.streets.scene import BUILDING, FENCE, SKY, Camera, Colour, Street

__all__ = ["Building", "draw_buildings", "paint_building", "paint_sky", "paint_wall"]

_WALLS = (
    (150, 104, 86), (172, 160, 142), (188, 184, 176), (136, 122, 112), (126, 132, 138),
    (196, 178, 150), (110, 84, 74),
)  # fmt: skip


def paint_sky(canvas: Canvas, draw: Draw, camera: Camera) -> None:
    """Fill the picture with sky: paler towards the horizon, with clouds."""
    zenith = draw.near(draw.pick(((108, 148, 206), (176, 184, 194), (150, 172, 204))), 16)
    low = draw.near((206, 212, 218), 12)
    height, width = camera.height, camera.width
    clouds = smooth_noise(draw.word(), height, width, max(width // 8, 2))
    clouds = (clouds * 2 + smooth_noise(draw.word(), height, width, max(width // 24, 2))) // 3
    cover = np.clip((clouds - draw.between(80, 190)) * 3, 0, 200)
    rows = np.arange(height, dtype=np.int32)[:, None]
    share = np.minimum(rows * 256 // max(camera.horizon, 1), 256)
    white = draw.between(205, 246)
    for channel in range(3):
        blue = (zenith[channel] * (256 - share) + low[channel] * share) >> 8
        canvas.image[..., channel] = blue + ((white - blue) * cover >> 8)
    canvas.label[:] = SKY


@dataclass(frozen=True)
class Building:
    """A box beside the street, or a wall along it.

    Attributes:
        side: -1 left, +1 right.
        near, far: z of its ends.
        x: of the facade; height: of its top.
        colour, seed: of its walls, and of its windows.
    """

    side: int
    near: int
    far: int
    x: int
    height: int
    colour: Colour
    seed: int


def draw_buildings(draw: Draw, street: Street) -> list[Building]:
    """Rows of buildings on both sides, with gaps; and what closes the view."""
    found = []
    for side in (-1, 1):
        z = draw.between(100, 900)
        dense = draw.pick((85, 70, 40))
        low, high = draw.pick(((500, 900), (600, 1500), (1100, 2600)))
        while z < 11_000:
            length = draw.between(500, 1900)
            meets = street.crossing is not None and (
                z < street.crossing[1] + 150 and z + length > street.crossing[0] - 150
            )
            if meets and street.crossing is not None:
                z = street.crossing[1] + 200
            elif draw.chance(dense):
                found.append(_one(draw, street, side, z, length, (low, high)))
            z += length + draw.pick((0, 0, 60, 350))
    return found


def _one(
    draw: Draw, street: Street, side: int, z: int, length: int, heights: tuple[int, int]
) -> Building:
    setback = draw.pick((0, 0, 40, 250))
    x = street.outer(side, z + length // 2) + side * setback
    colour = draw.near(draw.pick(_WALLS), 20)
    return Building(side, z, z + length, x, draw.between(*heights), colour, draw.word())


def paint_building(canvas: Canvas, camera: Camera, building: Building, sun: int) -> None:
    """Paint the end that faces the camera, then the facade along the street."""
    draw = Draw(building.seed)
    style = _Style.draw(draw)
    ends = (camera.column(building.x, building.near),
            camera.column(building.x + building.side * 1400, building.near))  # fmt: skip
    _paint_end(canvas, camera, building, style, min(ends), max(ends))
    shade = 100 + (22 if sun == -building.side else -14 if sun == building.side else 0)
    _paint_facade(canvas, camera, building, style, shade, BUILDING)


def paint_wall(canvas: Canvas, camera: Camera, wall: Building) -> None:
    """Paint a fence or garden wall along the street."""
    draw = Draw(wall.seed)
    pickets = draw.pick((14, 22, 40))
    style = _Style(pickets, pickets // 2, 10_000, 1, draw.between(-45, 30), 0, 0, draw.word())
    _paint_facade(canvas, camera, wall, style, 100, FENCE)


@dataclass(frozen=True)
class _Style:
    """A grid of windows: periods and sizes along and up, and how they differ from the wall."""

    along: int
    wide: int
    up: int
    tall: int
    tone: int
    shop: int
    roof: int
    seed: int

    @classmethod
    def draw(cls, draw: Draw) -> _Style:
        along, up = draw.between(190, 420), draw.between(270, 340)
        return cls(
            along,
            along * draw.between(30, 65) // 100,
            up,
            up * draw.between(40, 65) // 100,
            draw.pick((-70, -55, -40, 45)),
            draw.pick((0, 0, -35, 30)),
            draw.pick((0, 60, 120)),
            draw.word(),
        )


def _paint_facade(
    canvas: Canvas, camera: Camera, building: Building, style: _Style, shade: int, label: int
) -> None:
    """A plane x = const: each column has a distance of its own."""
    x, side = building.x, building.side
    if x * side < 60:
        return  # the street bends before it: only its end is seen
    first, last = sorted((camera.column(x, building.far), camera.column(x, building.near)))
    if side > 0:
        first += 1
    columns = np.arange(max(first, 0), min(last + 1, camera.width), dtype=np.int32)
    offset = columns - camera.cx
    columns, offset = columns[offset * side > 0], offset[offset * side > 0]
    if not len(columns):
        return
    z = camera.f * x // offset
    tops = camera.horizon + (camera.eye - building.height) * offset // x
    bottoms = camera.horizon + camera.eye * offset // x + 1
    top, bottom = max(int(tops.min()), 0), min(int(bottoms.max()), camera.height)
    if top >= bottom:
        return
    rows = np.arange(top, bottom, dtype=np.int32)[:, None]
    mask = (rows >= tops) & (rows < bottoms)
    height = camera.eye - (rows - camera.horizon) * z // camera.f
    pattern = _pattern(style, z - building.near, height, building.height)
    grain = (noise(style.seed, *mask.shape) >> np.uint32(28)).astype(np.int32) - 8
    tone = (pattern + grain // 2)[..., None]
    wall = np.array(building.colour, dtype=np.int32)
    colours = ((wall + tone) * shade // 100).astype(np.int16)
    depth = np.broadcast_to(np.minimum(z >> 7, 255).astype(np.int16), mask.shape)
    place = (slice(top, bottom), slice(int(columns[0]), int(columns[-1]) + 1))
    canvas.image[place][mask] = colours[mask]
    np.copyto(canvas.label[place], label, where=mask)
    np.copyto(canvas.depth[place], depth, where=mask)


def _pattern(
    style: _Style, along: np.ndarray, height: np.ndarray, top: int
) -> np.ndarray:  # fmt: skip
    """Brightness of windows, shop fronts and the roof's edge over a wall."""
    floor, room = height // style.up, along // style.along
    window = (along % style.along < style.wide) & (height % style.up < style.tall)
    window &= (height > 40) & (height < top - 60)
    lit = (floor * 7 + room * 13 + style.seed % 5) % 5 == 0
    pattern = np.where(window, np.where(lit, style.tone // 3, style.tone), 0)
    if style.shop:
        pattern = np.where(height < 260, pattern + style.shop, pattern)
    return np.where(height > top - style.roof, pattern - 30, pattern)


def _paint_end(
    canvas: Canvas, camera: Camera, building: Building, style: _Style, left: int, right: int
) -> None:
    z = building.near
    top, bottom = camera.row(building.height, z), camera.row(0, z) + 1
    top, bottom = max(top, 0), min(bottom, camera.height)
    left, right = max(left, 0), min(right, camera.width)
    if left >= right or top >= bottom:
        return
    rows = np.arange(top, bottom, dtype=np.int32)[:, None]
    columns = np.arange(left, right, dtype=np.int32)[None, :]
    height = camera.eye - (rows - camera.horizon) * z // camera.f
    along = (columns - camera.cx) * z // camera.f - building.x
    pattern = _pattern(style, along % 100_000, height, building.height)
    wall = np.array(building.colour, dtype=np.int32) * 88 // 100
    canvas.image[top:bottom, left:right] = (
        wall + np.broadcast_to(pattern, (bottom - top, right - left))[..., None]
    )
    canvas.label[top:bottom, left:right] = BUILDING
    canvas.depth[top:bottom, left:right] = min(z >> 7, 255)
