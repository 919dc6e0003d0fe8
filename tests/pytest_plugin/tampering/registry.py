"""Ways to stay green that do not, by name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pytest_plugin.repository import Repository

Content = dict[str, Any]
Tamper = Callable[[Repository], object]
TAMPERED: dict[str, tuple[Tamper, str]] = {}
"""By name: what is done to the repository, and what the refusal has to say."""


def tamper(says: str) -> Callable[[Tamper], Tamper]:
    def register(function: Tamper) -> Tamper:
        TAMPERED[function.__name__] = function, says
        return function

    return register


def edited(change: Callable[[Content], object]) -> Tamper:
    return lambda repository: repository.change(change)
