"""JSON as its standard has it: no NaN, no key twice, no endless nesting."""

from __future__ import annotations

import json
from typing import Any

__all__ = ["parse_json"]


def parse_json(text: str, *, nan: bool = False) -> Any:
    """Parse JSON text as its standard requires.

    Args:
        nan: accept NaN and infinity, which Python writes and the standard does not have.

    Raises:
        ValueError: no JSON, nested too deeply, NaN or infinity, or a key that is there twice.
    """
    try:
        return json.loads(text, object_pairs_hook=_once, parse_constant=float if nan else _refuse)
    except RecursionError as error:
        raise ValueError("lists or objects that are nested too deeply") from error


def _refuse(constant: str) -> Any:
    raise ValueError(f"the number {constant}, which JSON does not have")


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object; of a key that is there twice, readers take either, and people see the other."""
    found = dict(pairs)
    if len(found) < len(pairs):
        twice = next(key for key, _ in pairs if sum(key == other for other, _ in pairs) > 1)
        raise ValueError(f"{twice!r} twice")
    return found
