"""What a function prints on a terminal of 120 columns."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

Shown = Callable[..., list[str]]


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Shown:
    """Call a function, and return the lines that it prints, with single spaces."""
    monkeypatch.setenv("COLUMNS", "120")

    def show(function: Callable[..., Any], *args: Any, **options: Any) -> list[str]:
        function(*args, **options)
        return [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]

    return show
