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
    image = canvas.image.astype(np.int32)
    height, width = canvas.label.shape
    share = (canvas.depth.astype(np.int32) * light.thickness >> 8)[..., None]
    image += (np.asarray(light.haze, dtype=np.int32) - image) * share >> 8
    # Clouds above and walls around make the light uneven.
    patches = smooth_noise(draw.word(), height, width, max(width // 5, 2))[..., None]
    gain = np.asarray(light.gain, dtype=np.int32) + (patches - 128) // 5
    image = image * gain >> 8
    for _ in range(light.blurs):
        image = _blurred(image)
    words = noise(draw.word(), height, width)
    for channel in range(3):
        # The sum of two bytes has a triangular distribution, near enough to what sensors do.
        pair = words >> np.uint32(8 * channel)
        one, other = pair & np.uint32(255), pair >> np.uint32(4) & np.uint32(255)
        grain = one.astype(np.int32) + other.astype(np.int32) - 255
        image[..., channel] += grain * light.noise >> 7
    stored: NDArray[np.uint8] = np.clip(image, 0, 255).astype(np.uint8)
    return stored


def _blurred(image: NDArray[Any]) -> NDArray[Any]:
    """The binomial filter 1 2 1 along both axes; the edge repeats."""
    for axis in (0, 1):
        padded = np.concatenate((image.take([0], axis), image, image.take([-1], axis)), axis=axis)
        length = image.shape[axis]
        before, after = padded.take(range(length), axis), padded.take(range(2, length + 2), axis)
        image = before + 2 * image + after + 2 >> 2
    return image
