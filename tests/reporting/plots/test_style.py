"""The look of pictures: ways to recover differ without colour."""

from __future__ import annotations

import itertools

from segprune.reporting.plots.style import RECOVERED


def test_ways_to_recover_differ_without_colour() -> None:
    looks = RECOVERED.values()
    assert len({look.marker for look in looks}) == len(looks)

    def grey(colour: str) -> float:
        red, green, blue = (int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5))
        return 0.299 * red + 0.587 * green + 0.114 * blue

    shades = sorted(grey(look.colour) for look in looks)
    assert min(after - before for before, after in itertools.pairwise(shades)) > 0.1
