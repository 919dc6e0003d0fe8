"""Two networks side by side; times that disagree with the pairs are doubted."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from cli.render.conftest import Shown
from reporting.records import speed
from segprune.cli.render.speed import show_speed
from segprune.speed import Pair, summarise


@pytest.mark.parametrize(
    ("speedup", "word"), [(1.8, "faster 1.8"), (0.5, "slower 0.5"), (1.0, "speed 1.0")]
)
def test_the_verdict_comes_first(shown: Shown, speedup: float, word: str) -> None:
    lines = shown(show_speed, speed(speedup), Path("runs/s"))
    text = " ".join(lines)
    assert any(line.startswith(word) for line in lines), lines
    assert ("no difference was found" in text) == (speedup == 1.0)
    assert "noisy" not in text
    assert lines[-1] == "written runs/s/speed.json"


def test_medians_of_different_moments_are_doubted(shown: Shown) -> None:
    """Each pair says 2; half of the pairs were made on a machine that is ten times as slow."""
    slow = [Pair(200.0, 100.0, True)] * 5
    fast = [Pair(20.0, 10.0, True)] * 5
    found = summarise([*slow, *fast], 0.95, batch=1, threads=1, device="cpu")
    record = replace(speed(), speed=replace(found, reference_ms=200.0, candidate_ms=10.0))
    text = " ".join(shown(show_speed, record, Path("runs/s")))
    assert "noisy" in text
    assert "(their ratio is 20.00)" in text
