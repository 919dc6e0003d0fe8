"""Cases of which a bare run takes some, and `pytest -m slow` the rest."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest

__all__ = ["some_slow"]


def some_slow(cases: Iterable[Any], step: int) -> list[Any]:
    """Mark all cases as slow but the first of every `step`; they run in CI's slow stage."""
    return [
        case if number % step == 0 else pytest.param(case, marks=pytest.mark.slow)
        for number, case in enumerate(cases)
    ]
