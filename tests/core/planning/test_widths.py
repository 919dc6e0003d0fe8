"""The least width of a layer, by its share and by its count."""

from __future__ import annotations

from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from segprune.core.planning.widths import least_width


@given(st.integers(1, 300), st.integers(0, 20), st.integers(0, 40))
def test_no_fewer_stay_than_the_share_and_the_count_ask_for(
    channels: int, twentieths: int, count: int
) -> None:
    least = least_width(channels, twentieths / 20, count)
    asked = [one for one in range(channels + 1) if one >= count]
    enough = [one for one in asked if Fraction(one) >= Fraction(twentieths, 20) * channels - 1e-9]
    expected = min(enough, default=channels)
    assert least in (expected, min(channels, expected + 1))  # a share in floats may round up
    assert least <= channels
