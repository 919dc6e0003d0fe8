"""Images and one dense network for all of these runs; each works in their folder, and tidies up."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from segprune.workflows.train.run import run_train
from training.tiny import (
    SMALL,
    write_images,
)
from workflows.train.runs import made


@pytest.fixture(scope="package")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Images, and a dense artefact `runs/dense/dense.safetensors` of a training."""
    root = tmp_path_factory.mktemp("recovery")
    write_images(root)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root)
        run_train(made(SMALL, "name=dense"))
    return root


@pytest.fixture(autouse=True)
def _inside(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.chdir(request.getfixturevalue("folder"))
    yield
    for path in Path("runs").iterdir():
        if path.name != "dense":
            shutil.rmtree(path)
