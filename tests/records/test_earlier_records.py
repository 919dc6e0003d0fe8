"""Records of earlier versions: fields that came later have defaults, all others are required."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

import pytest

from segprune.errors import ArtifactError
from segprune.records.io import LATER, from_json, to_json


@dataclass(frozen=True)
class Young:
    """A record with one field that every version had, and two that came later."""

    SCHEMA: ClassVar[str] = "segprune.young/1"

    count: int
    shares: Mapping[str, float] = field(default_factory=dict, metadata=LATER)
    unit: str = field(default="ms", metadata=LATER)


def without(record: Young, *names: str) -> str:
    content = json.loads(to_json(record))
    return json.dumps({key: value for key, value in content.items() if key not in names})


def test_a_file_that_lacks_a_younger_field_gets_its_default() -> None:
    record = Young(3, {"a": 0.5}, "s")
    assert from_json(Young, without(record, "shares", "unit"), "file") == Young(3)
    assert from_json(Young, without(record), "file") == record


def test_a_file_that_lacks_a_field_without_a_default_is_refused_by_name() -> None:
    with pytest.raises(ArtifactError, match="field count"):
        from_json(Young, without(Young(3), "count"), "file")
