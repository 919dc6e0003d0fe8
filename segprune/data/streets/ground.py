"""The ground: road with markings, sidewalks with kerbs and slabs, verges; and shadows on it."""

from __future__ import annotations

import numpy as np

from segprune.data.streets.canvas import Canvas
from segprune.data.streets.hashing import Draw, noise, smooth_noise
from segprune.data.streets.scene import FAR, ROAD, SIDEWALK, TREE, Camera, Street

__all__ = ["paint_ground"]

_KERB = 18  # cm


def paint_ground(canvas: Canvas, draw: Draw, camera: Camera, street: Street) -> None:
    """Paint everything below the horizon."""
    first = camera.horizon + 1
    rows = np.arange(first, camera.height, dtype=np.int32)
    columns = np.arange(camera.width, dtype=np.int32)
    z = np.minimum(camera.f * camera.eye // (rows - camera.horizon), FAR)
    shift = ((z >> 4) ** 2 * street.bend) >> 16
    x = (columns[None, :] - camera.cx) * z[:, None] // camera.f - shift[:, None]

    grain = noise(draw.word(), len(rows), camera.width)
    patches = smooth_noise(draw.word(), len(rows), camera.width, 16)
    speckle = (grain >> np.uint32(28)).astype(np.int32) - 8

    asphalt = draw.near(draw.pick(((92, 92, 96), (112, 110, 108), (78, 80, 86))), 14)
    # Often nearly the road's own grey: where the kerb is must be told from where it lies.
    slabs = draw.near(draw.pick((asphalt, (140, 134, 126), (124, 122, 124))), 16)
    grass = draw.near((84, 104, 58), 18)

    is_road = (x >= street.left) & (x < street.right)
    left = (x < street.left) & (x >= street.left - street.pavement[0])
    right = (x >= street.right) & (x < street.right + street.pavement[1])
    walk = left | right
    verge = ~(is_road | walk)
    if street.crossing is not None:
        start, end = street.crossing
        across = (z >= start) & (z < end)
        is_road = is_road | across[:, None]
        walk, verge = walk & ~across[:, None], verge & ~across[:, None]

    tone = speckle + (patches - 128) // 12
    image = np.empty((len(rows), camera.width, 3), dtype=np.int16)
    for channel in range(3):
        base = np.where(is_road, asphalt[channel], slabs[channel])
        image[..., channel] = np.where(verge, grass[channel] + tone, base + tone)

    joints = walk & ((x % 75 < 6) | (z[:, None] % 75 < 10)) & (z < 1800)[:, None]
    image[joints] -= np.int16(draw.between(8, 22))
    kerb = walk & ((x >= street.left - _KERB) & (x < street.right + _KERB))
    image[kerb] += np.int16(draw.between(-10, 34))
    _paint_markings(image, draw, street, x, z, is_road)

    canvas.image[first:] = image
    canvas.label[first:] = np.where(
        is_road, np.uint8(ROAD), np.where(walk, np.uint8(SIDEWALK), np.uint8(TREE))
    )
    canvas.depth[first:] = np.minimum(z >> 7, 255).astype(np.int16)[:, None]


def _paint_markings(
    image: np.ndarray, draw: Draw, street: Street, x: np.ndarray, z: np.ndarray, road: np.ndarray
) -> None:  # fmt: skip
    """Lines along the lanes, and a zebra crossing; worn paint is part of the road."""
    paint = np.int16(draw.between(30, 105))
    dashes = draw.pick((600, 900))
    middle = draw.between(-160, 160) + (street.left + street.right) // 2
    lines = np.abs(x - middle) < 7
    if draw.chance(70):
        lines &= (z % dashes < dashes // 2)[:, None]
    if draw.chance(50):
        lines |= (x - street.left < 28) & (x - street.left >= 16)
        lines |= (street.right - x < 28) & (street.right - x >= 16)
    if draw.chance(30):
        start = draw.between(700, 2600)
        lines |= ((z >= start) & (z < start + 260))[:, None] & (x % 90 < 45)
    if street.crossing is not None:
        start = street.crossing[0]
        lines &= ~((z >= start) & (z < street.crossing[1]))[:, None]
        lines |= ((z >= start - 60) & (z < start - 20))[:, None] & (x > street.left)
    image[lines & road] += paint
