"""A score in a file: a class that occurs nowhere has no IoU, and nothing else may stand there."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import ClassVar

import pytest

from segprune.errors import ArtifactError
from segprune.records.io import from_json, to_json
from segprune.records.score import Score


@dataclass(frozen=True)
class Kept:
    SCHEMA: ClassVar[str] = "test.score/1"

    score: Score


WHOLE = Kept(Score(0.5, (0.25, None, 0.75), 0.9, 7))


def test_a_class_that_occurs_nowhere_comes_back_as_none() -> None:
    assert json.loads(to_json(WHOLE))["score"]["class_iou"] == [0.25, None, 0.75]
    assert from_json(Kept, to_json(WHOLE)) == WHOLE


@pytest.mark.parametrize(
    ("field", "value"),
    [("miou", None), ("class_iou", ["0.25"]), ("images", 7.5), ("pixel_accuracy", True)],
)
def test_a_figure_of_another_type_is_refused_by_name(field: str, value: object) -> None:
    content = json.loads(to_json(WHOLE))
    content["score"][field] = value
    with pytest.raises(ArtifactError, match=rf"score\.{field}"):
        from_json(Kept, json.dumps(content))
