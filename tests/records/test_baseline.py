"""What a baseline holds: committed files stay as they are, and so do files of earlier versions."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from records.committed import committed, stays_as_it_is
from segprune.errors import ArtifactError
from segprune.records.baseline import Baseline
from segprune.records.io import from_json

PATHS = committed(Baseline)


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_a_committed_baseline_is_written_as_it_was_read(path: Path) -> None:
    stays_as_it_is(Baseline, path.read_text("utf-8"))


def test_a_baseline_of_an_earlier_version_opens_without_what_came_later() -> None:
    content = json.loads(PATHS[0].read_text("utf-8"))
    content.pop("best", None)
    content["data"].pop("sequences", None)
    old = stays_as_it_is(Baseline, json.dumps(content))
    assert (old.best, old.data.sequences) == (None, "")


@pytest.mark.parametrize("field", ["floors", "accuracy", "speed", "accepted"])
def test_a_baseline_that_lacks_a_figure_is_refused(field: str) -> None:
    content = json.loads(PATHS[0].read_text("utf-8"))
    del content[field]
    with pytest.raises(ArtifactError, match=f"field {field}: expected a value, found none"):
        from_json(Baseline, json.dumps(content))
