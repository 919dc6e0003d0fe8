"""Checkpoints: refused unless they are whole and of this recipe, and written as a whole."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Any

import pytest
import torch

from segprune.errors import ArtifactError, InputError
from segprune.training.checkpoint import WholeCheckpoints, note, read_checkpoint
from segprune.training.fitting import fit
from training.test_resume import fitted
from training.tiny import (
    Scenes,
    net,
    recipe,
)


def test_checkpoints_of_another_recipe_are_refused(tmp_path: Path) -> None:
    fitted(tmp_path, recipe())
    with pytest.raises(InputError, match="expected a checkpoint of this recipe, found one of"):
        fit(net(), recipe(seed=1), Scenes(), tmp_path)


@pytest.mark.parametrize("share", [0.0, 0.5, 0.99])
def test_damaged_checkpoints_are_refused(tmp_path: Path, share: float) -> None:
    fitted(tmp_path, recipe())
    path = tmp_path / "state" / "last.ckpt"
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])
    with pytest.raises(ArtifactError, match=r"last\.ckpt: expected a checkpoint of this run"):
        fit(net(), recipe(), Scenes(), tmp_path)


def test_checkpoints_of_others_are_not_unpickled(tmp_path: Path) -> None:
    class Trap:
        def __reduce__(self) -> Any:
            return os.mkdir, (str(tmp_path / "trap"),)

    path = tmp_path / "last.ckpt"
    torch.save({"state_dict": Trap()}, path)
    with pytest.raises(ArtifactError):
        read_checkpoint(path, "")
    assert not (tmp_path / "trap").exists()


def test_a_checkpoint_is_replaced_as_a_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Not even the system's temporary folder, which may be on another disk, is needed.
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "nowhere"))
    path = tmp_path / "state" / "last.ckpt"
    content: dict[str, Any] = {"epoch": 0, "global_step": 4, "state_dict": {}}
    note(content, "mine", {"loss": 1.0})
    WholeCheckpoints().save_checkpoint(content, path)

    def fail(*names: object) -> None:
        raise OSError("no room")

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(ArtifactError, match="no room"):
        WholeCheckpoints().save_checkpoint({**content, "epoch": 1}, path)
    stop = read_checkpoint(path, "mine")
    assert stop is not None
    assert (stop.epochs, stop.steps, stop.losses) == (1, 4, {"loss": 1.0})
    assert [file.name for file in path.parent.iterdir()] == ["last.ckpt"]
