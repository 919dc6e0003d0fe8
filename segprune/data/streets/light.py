"""From a painted canvas to a photograph: shadow on the ground, haze, light, blur, sensor noise."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from segprune.data.streets.canvas import Canvas
from segprune.data.streets.hashing import Draw, noise, smooth_noise
from segprune.data.streets.scene import Camera, Light, Street

__all__ = ["cast_shadows", "photograph"]


def cast_shadows(canvas: Canvas, draw: Draw, camera: Camera, street: Street, light: Light) -> None:
    """Darken the ground where what stands on the sun's side keeps its light; labels stay."""
    if not light.sun:
        return
    z, percent = draw.between(250, 900), draw.between(48, 70)
    while z < 9000:
        length, reach = draw.between(200, 1400), draw.between(60, 620)
        start, end = street.outer(light.sun, z), street.outer(light.sun, z + length)
        corners = [
            camera.point(start, 0, z), camera.point(start - light.sun * reach, 0, z + reach // 4),
            camera.point(end - light.sun * reach, 0, z + length + reach // 4),
            camera.point(end, 0, z + length),
        ]  # fmt: skip
        canvas.darken_polygon(corners, percent)
        z += length + draw.between(80, 900)


def photograph(canvas: Canvas, draw: Draw, light: Light) -> NDArray[np.uint8]:
    """The picture `(H, W, 3)` as a camera would store it."""
    planes = np.ascontiguousarray(canvas.image.transpose(2, 0, 1)).astype(np.int32)
    height, width = canvas.label.shape
    share = canvas.depth.astype(np.int32) * light.thickness >> 8
    # Clouds above and walls around make the light uneven.
    patches = (smooth_noise(draw.word(), height, width, max(width // 5, 2)) - 128) // 5
    for plane, haze, gain in zip(planes, light.haze, light.gain, strict=True):
        plane += (haze - plane) * share >> 8
        plane *= patches + gain
        plane >>= 8
    for _ in range(light.blurs):
        planes = _blurred(planes)
    words = noise(draw.word(), height, width)
    for number, plane in enumerate(planes):
        # The sum of two bytes has a triangular distribution, near enough to what sensors do.
        pair = words >> np.uint32(8 * number)
        grain = (pair & np.uint32(255)) + (pair >> np.uint32(4) & np.uint32(255))
        plane += (grain.astype(np.int32) - 255) * light.noise >> 7
    stored = np.clip(planes, 0, 255, out=planes).astype(np.uint8)
    return np.ascontiguousarray(stored.transpose(1, 2, 0))


def _blurred(planes: NDArray[Any]) -> NDArray[Any]:
    """The binomial filter 1 2 1 along rows and columns; the edge repeats."""
    for axis in (1, 2):
        lines = np.moveaxis(planes, axis, 0)
        total = 2 * lines + 2
        total[1:] += lines[:-1]
        total[0] += lines[0]
        total[:-1] += lines[1:]
        total[-1] += lines[-1]
        total >>= 2
        planes = np.moveaxis(total, 0, axis)
    return planes
