"""A street as numbers: the camera, the road, its edges and the light; before anything is painted.

Lengths are centimetres: x to the right of the camera, height above the road, z ahead. On screen,
column = cx + f x / z and row = horizon + f (eye - height) / z, in integers.
"""

from __future__ import annotations

from dataclasses import dataclass

from segprune.data.streets.hashing import Draw

__all__ = [
    "BICYCLIST", "BUILDING", "CAR", "FAR", "FENCE", "PEDESTRIAN", "POLE", "ROAD", "SIDEWALK",
    "SIGN", "SKY", "TREE", "Camera", "Light", "Street",
]  # fmt: skip

SKY, BUILDING, POLE, ROAD, SIDEWALK, TREE, SIGN, FENCE, CAR, PEDESTRIAN, BICYCLIST = range(11)
FAR = 16_000  # cm; nothing beyond is painted

Colour = tuple[int, int, int]


@dataclass(frozen=True)
class Camera:
    """Where the picture is taken from.

    Attributes:
        height, width: of the picture in pixels.
        horizon, cx: row and column of the point straight ahead.
        f: focal length in pixels.
        eye: height above the road.
    """

    height: int
    width: int
    horizon: int
    cx: int
    f: int
    eye: int

    @classmethod
    def draw(cls, draw: Draw, height: int, width: int) -> Camera:
        """A camera in a car or on its roof."""
        return cls(
            height,
            width,
            horizon=height * draw.between(36, 50) // 100,
            cx=width * draw.between(40, 60) // 100,
            f=width * draw.between(68, 92) // 100,
            eye=draw.between(120, 180),
        )

    def column(self, x: int, z: int) -> int:
        """Column of a point."""
        return self.cx + self.f * x // z

    def row(self, y: int, z: int) -> int:
        """Row of a point at height `y`."""
        return self.horizon + self.f * (self.eye - y) // z

    def point(self, x: int, y: int, z: int) -> tuple[int, int]:
        """A point in sixteenths of a pixel, for polygons."""
        return (
            16 * self.cx + 16 * self.f * x // z,
            16 * self.horizon + 16 * self.f * (self.eye - y) // z,
        )

    def pixels(self, length: int, z: int) -> int:
        """How many pixels a length covers, rounded down."""
        return self.f * length // z


@dataclass(frozen=True)
class Light:
    """How the scene is lit.

    Attributes:
        gain: of each channel, in 256ths.
        haze: colour of the distance; thickness: its strength at full depth, in 256ths.
        sun: side that the sun shines from, -1 left or +1 right, or 0 behind clouds.
        noise: amplitude of the sensor's noise.
        blurs: how often the picture is blurred.
    """

    gain: Colour
    haze: Colour
    thickness: int
    sun: int
    noise: int
    blurs: int

    @classmethod
    def draw(cls, draw: Draw) -> Light:
        """Bright, dull, low sun or dusk."""
        kind = draw.pick(("bright", "bright", "dull", "dull", "low", "dusk"))
        tint = draw.between(-14, 14)
        level = {
            "bright": draw.between(225, 300),
            "dull": draw.between(165, 230),
            "low": draw.between(170, 250),
            "dusk": draw.between(100, 150),
        }[kind]
        warm = {"bright": 4, "dull": -6, "low": 34, "dusk": -12}[kind] + tint
        haze = {
            "bright": (196, 206, 220), "dull": (182, 186, 190), "low": (222, 196, 160),
            "dusk": (84, 88, 112),
        }[kind]  # fmt: skip
        return cls(
            gain=(level + warm, level, level - warm),
            haze=haze,
            thickness=draw.between(20, 110) + (60 if kind == "dull" else 0),
            sun=0 if kind in ("dull", "dusk") else draw.pick((-1, 1)),
            noise=draw.between(3, 10) + (6 if kind == "dusk" else 0),
            blurs=draw.pick((0, 1, 1, 2)),
        )


@dataclass(frozen=True)
class Street:
    """The ground plan.

    Attributes:
        left, right: x of the road's edges at the camera; negative, and positive.
        pavement: widths of the sidewalks, left and right.
        bend: how fast the road turns; the edges shift by bend (z / 16)^2 / 2^16.
        crossing: (z0, z1) of a side street, or None.
    """

    left: int
    right: int
    pavement: tuple[int, int]
    bend: int
    crossing: tuple[int, int] | None

    @classmethod
    def draw(cls, draw: Draw) -> Street:
        """One to three lanes, straight or bent, perhaps with a side street."""
        lane = draw.between(270, 350)
        own, other = draw.pick(((1, 1), (1, 1), (1, 2), (2, 1), (1, 0)))
        shift = draw.between(-60, 60)
        left, right = -lane // 2 - lane * other + shift, lane // 2 + lane * (own - 1) + shift
        parking = draw.pick((0, 0, 210))
        if draw.chance(50):
            left, right = -right, -left
        crossing = None
        if draw.chance(40):
            start = draw.between(1400, 4000)
            crossing = (start, start + draw.between(600, 900))
        return cls(
            left - parking,
            right + draw.pick((0, 0, 210)),
            (draw.between(150, 380), draw.between(150, 380)),
            draw.pick((0, 0, draw.between(-60, 60), draw.between(-25, 25))),
            crossing,
        )

    def crosses(self, near: int, far: int) -> bool:
        """Whether a stretch of the street meets the side street."""
        return self.crossing is not None and near < self.crossing[1] and far > self.crossing[0]

    def shift(self, z: int) -> int:
        """How far the road has turned to the right at a distance."""
        return ((z >> 4) ** 2 * self.bend) >> 16

    def edge(self, side: int, z: int) -> int:
        """x of the road's edge on a side (-1 left, +1 right) at a distance."""
        return (self.left if side < 0 else self.right) + self.shift(z)

    def outer(self, side: int, z: int) -> int:
        """x of the sidewalk's far edge on a side at a distance."""
        return self.edge(side, z) + side * self.pavement[side > 0]
