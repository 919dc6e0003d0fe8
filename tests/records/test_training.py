"""The record of a training: committed files stay as they are, and its recipe is read from it."""

from __future__ import annotations

import importlib.metadata
import json
import tomllib
from pathlib import Path

import pytest

from records.committed import committed, stays_as_it_is
from segprune.errors import ArtifactError
from segprune.records.io import from_json
from segprune.records.training import TrainingRecord, package_versions

PATHS = committed(TrainingRecord)


@pytest.mark.parametrize("path", PATHS[::8], ids=lambda path: path.stem)
def test_a_committed_training_is_written_as_it_was_read(path: Path) -> None:
    record = stays_as_it_is(TrainingRecord, path.read_text("utf-8"))
    assert record.sections == tomllib.loads(json.loads(path.read_text("utf-8"))["recipe"])


def test_a_training_without_its_scores_is_refused() -> None:
    content = json.loads(PATHS[0].read_text("utf-8"))
    del content["scores"]
    with pytest.raises(ArtifactError, match="field scores"):
        from_json(TrainingRecord, json.dumps(content))


def test_versions_are_those_of_the_installed_packages() -> None:
    found = package_versions()
    assert found == {name: importlib.metadata.version(name) for name in found}
    assert {"torchvision", "pydantic"} <= found.keys()
