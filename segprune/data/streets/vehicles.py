"""Cars, vans and buses as boxes in perspective: the end that faces the camera, and one side."""

from __future__ import annotations

from dataclasses import dataclass

from segprune.data.streets.canvas import Canvas
from segprune.data.streets.hashing import Draw
from segprune.data.streets.scene import CAR, Camera, Colour, Street

__all__ = ["Vehicle", "draw_vehicles"]

_PAINTS = (
    (196, 198, 200), (150, 154, 158), (60, 62, 66), (34, 36, 40), (172, 44, 40), (44, 72, 136),
    (224, 224, 222), (88, 104, 92), (160, 138, 98), (104, 112, 124),
)  # fmt: skip
_GLASS = (44, 54, 66)
_TYRE = (24, 24, 26)


@dataclass(frozen=True)
class Vehicle:
    """A vehicle along the street.

    Attributes:
        x: of its middle; z: of its near end.
        width, length, height: of its body; waist: height at which the windows begin.
        taper: how much narrower the cabin is at its top, on each side.
        paint: colour; shade: percent of the light on its near end.
        rear: whether its rear faces the camera.
    """

    x: int
    z: int
    width: int
    length: int
    height: int
    waist: int
    taper: int
    paint: Colour
    shade: int
    rear: bool

    def paint_on(self, canvas: Canvas, camera: Camera) -> None:
        """Paint shadow, far side, near end, glass, wheels and lights."""
        _Painter(canvas, camera, self).paint()


@dataclass(frozen=True)
class _Painter:
    canvas: Canvas
    camera: Camera
    vehicle: Vehicle

    def paint(self) -> None:
        car, camera = self.vehicle, self.camera
        half = car.width // 2
        middle, ground = camera.column(car.x, car.z), camera.row(0, car.z)
        across = camera.pixels(half + 25, car.z)
        self.canvas.shade(middle, ground, across, max(across // 7, 1), 48)
        if car.x - half > 40:
            self._side(car.x - half)
        elif car.x + half < -40:
            self._side(car.x + half)
        self._end()

    def _side(self, x: int) -> None:
        car = self.vehicle
        near, far = car.z, car.z + car.length
        body = _lit(car.paint, car.shade - 14)
        self._quad(x, near, far, 28, car.waist, body)
        slope = car.taper * 3
        self._roof(x, near, near, far - slope * 2, far - slope, body)
        glass = _lit(_GLASS, car.shade + 6)
        self._roof(x, near + 18, near + 24, far - slope * 2 - 20, far - slope * 2, glass, 10)
        for z in (near + car.length // 5, far - car.length // 5):
            column, row = self.camera.column(x, z), self.camera.row(30, z)
            across = self.camera.pixels(30, z)
            squeezed = max(across * abs(x) // (abs(x) + z), 0)
            self.canvas.ellipse(column, row, squeezed, across, _TYRE, CAR, z >> 7)

    def _quad(self, x: int, near: int, far: int, low: int, high: int, colour: Colour) -> None:
        point = self.camera.point
        corners = [
            point(x, low, near),
            point(x, high, near),
            point(x, high, far),
            point(x, low, far),
        ]
        self.canvas.polygon(corners, colour, CAR, near >> 7)

    def _roof(
        self, x: int, low_near: int, high_near: int, high_far: int, low_far: int, colour: Colour,
        inset: int = 0,
    ) -> None:  # fmt: skip
        car, point = self.vehicle, self.camera.point
        inward = x + car.taper if x < car.x else x - car.taper
        corners = [
            point(x, car.waist, low_near), point(inward, car.height - inset, high_near),
            point(inward, car.height - inset, high_far), point(x, car.waist, low_far),
        ]  # fmt: skip
        self.canvas.polygon(corners, colour, CAR, car.z >> 7)

    def _end(self) -> None:
        car = self.vehicle
        half = car.width // 2
        paint = _lit(car.paint, car.shade)
        for x in (car.x - half + 6, car.x + half - 26):
            self._box(x, x + 20, 0, 34, _TYRE)
        self._box(car.x - half, car.x + half, 26, car.waist, paint)
        self._cabin(0, 0, paint)
        self._cabin(14, 8, _lit(_GLASS, car.shade + 30 * (not car.rear)))
        self._box(car.x - half, car.x + half, 26, 40, _lit(car.paint, car.shade - 35))
        light = (176, 26, 24) if car.rear else (236, 232, 206)
        for x in (car.x - half + 4, car.x + half - 24):
            self._box(x, x + 20, car.waist - 26, car.waist - 10, light)
        plate = self.camera.pixels(24, car.z)
        if plate > 2:
            self._box(car.x - 24, car.x + 24, 46, 58, (214, 210, 190))

    def _cabin(self, inset: int, drop: int, colour: Colour) -> None:
        car, point = self.vehicle, self.camera.point
        low, high = car.width // 2 - inset, car.width // 2 - car.taper - inset
        waist = car.waist + (4 if inset else 0)
        corners = [
            point(car.x - low, waist, car.z), point(car.x - high, car.height - drop, car.z),
            point(car.x + high, car.height - drop, car.z), point(car.x + low, waist, car.z),
        ]  # fmt: skip
        self.canvas.polygon(corners, colour, CAR, car.z >> 7)

    def _box(self, left: int, right: int, low: int, high: int, colour: Colour) -> None:
        camera, z = self.camera, self.vehicle.z
        self.canvas.box(
            camera.column(left, z), camera.row(high, z),
            max(camera.column(right, z), camera.column(left, z) + 1), camera.row(low, z) + 1,
            colour, CAR, z >> 7,
        )  # fmt: skip


def draw_vehicles(draw: Draw, street: Street) -> list[Vehicle]:
    """Parked ones along the edges, and some on the lanes."""
    found = []
    for side in (-1, 1):
        if draw.chance(45):
            z, share = draw.between(350, 1200), draw.pick((40, 70, 90))
            while z < 7000:
                if draw.chance(share) and not street.crosses(z - 100, z + 600):
                    x = street.edge(side, z) - side * draw.between(98, 125)
                    found.append(_one(draw, x, z, rear=side > 0))
                z += draw.between(520, 760)
    for _ in range(draw.pick((0, 1, 1, 2, 3))):
        z = draw.between(650, 1600) + draw.below(6500)
        share = draw.between(18, 82)
        x = (street.edge(-1, z) * (100 - share) + street.edge(1, z) * share) // 100
        found.append(_one(draw, x, z, rear=share > 50))
    return found


def _one(draw: Draw, x: int, z: int, *, rear: bool) -> Vehicle:
    kind = draw.below(100)
    paint = draw.near(draw.pick(_PAINTS), 12)
    shade = draw.between(70, 104)
    if kind < 78:  # a car
        height = draw.between(138, 168)
        return Vehicle(
            x, z, draw.between(164, 186), draw.between(370, 470), height,
            height * draw.between(56, 63) // 100, draw.between(16, 30), paint, shade, rear,
        )  # fmt: skip
    if kind < 94:  # a van
        height = draw.between(190, 260)
        return Vehicle(
            x, z, draw.between(186, 206), draw.between(480, 620), height,
            height * draw.between(52, 60) // 100, draw.between(4, 12), paint, shade, rear,
        )  # fmt: skip
    height = draw.between(290, 330)  # a bus
    return Vehicle(x, z, 250, draw.between(900, 1200), height, height // 3, 4, paint, shade, rear)


def _lit(colour: Colour, percent: int) -> Colour:
    red, green, blue = (value * percent // 100 for value in colour)
    return red, green, blue
