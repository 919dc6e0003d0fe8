"""The record of a speed: what its interval supports, and what it was measured on."""

from __future__ import annotations

import dataclasses

from hypothesis import example, given
from hypothesis import strategies as st

from segprune.records.speed import Pair, SpeedComparison, SpeedInput

ANY = SpeedComparison(
    2.0, 1.0, 500.0, 1000.0, 2.0, 1.9, 2.1, 1, 0.95, 1, 1, "cpu", (Pair(2.0, 1.0, True),)
)


@given(st.tuples(st.floats(0.5, 2), st.floats(0.5, 2)).map(sorted))
@example([0.9, 1.1])
@example([1.0, 1.2])
@example([0.8, 1.0])
@example([1.001, 1.1])
@example([0.9, 0.999])
def test_an_interval_with_1_in_it_supports_no_difference(ends: list[float]) -> None:
    found = dataclasses.replace(ANY, low=ends[0], high=ends[1]).verdict
    contains_1 = ends[0] <= 1 <= ends[1]
    assert (found == "no difference") is contains_1
    if not contains_1:
        assert found == ("faster" if ends[0] > 1 else "slower")


def test_an_input_is_written_with_its_memory_format_unless_that_is_the_usual_one() -> None:
    assert str(SpeedInput((1, 3, 512, 1024))) == "1×3×512×1024"
    assert str(SpeedInput((2, 3, 64, 64), "channels_last")) == "2×3×64×64, channels last"
    assert SpeedInput((1, 3, 8, 8)) != SpeedInput((1, 3, 8, 8), "channels_last")
