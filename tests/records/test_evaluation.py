"""The record of an evaluation: committed files stay as they are; later fields have defaults."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from records.committed import committed, stays_as_it_is
from segprune.records.evaluation import EvaluationRecord

PATHS = committed(EvaluationRecord)


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_a_committed_evaluation_is_written_as_it_was_read(path: Path) -> None:
    record = stays_as_it_is(EvaluationRecord, path.read_text("utf-8"))
    assert len(record.score.class_iou) == len(record.classes)


def test_an_evaluation_of_an_earlier_version_does_not_name_the_source_of_its_mean() -> None:
    content = json.loads(PATHS[0].read_text("utf-8"))
    content.pop("normalisation", None)
    assert stays_as_it_is(EvaluationRecord, json.dumps(content)).normalisation == ""
