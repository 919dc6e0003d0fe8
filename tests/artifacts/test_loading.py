"""Damaged, foreign and other networks' files are refused, and nothing is half-written."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch

import segprune
from networks import Network
from networks.whole import UNet
from refusals import refuses, unet
from segprune.errors import (
    ArtifactError,
    InputError,
    SegpruneError,
)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "small.safetensors"
    _, _, _, plan, pruned = unet()
    segprune.save(path, pruned, plan)
    return path


def load(path: Path) -> Any:
    return segprune.load(path, UNet())


def test_truncated_files_are_refused(file: Path) -> None:
    content = file.read_bytes()
    for length in (0, 1, 7, 8, 100, len(content) // 2, len(content) - 1):
        file.write_bytes(content[:length])
        refuses(lambda: load(file), file.name, error=ArtifactError)
        refuses(lambda: segprune.read_header(file) and load(file), file.name, error=ArtifactError)


def test_a_name_that_no_file_can_have_is_refused(tmp_path: Path) -> None:
    refuses(lambda: load(tmp_path / ("a" * 300)), "aaaa", error=ArtifactError)


def test_a_flipped_byte_anywhere_is_refused(file: Path) -> None:
    content = file.read_bytes()
    places = sorted({*range(0, len(content), len(content) // 40), 9, 30, len(content) - 1})
    for place in places:
        wrong = bytearray(content)
        wrong[place] ^= 0x01
        file.write_bytes(bytes(wrong))
        refuses(lambda: load(file), file.name, error=ArtifactError)


def test_appended_bytes_are_refused(file: Path) -> None:
    file.write_bytes(file.read_bytes() + b"more")
    refuses(lambda: load(file), file.name, error=ArtifactError)


@pytest.mark.parametrize("kind", ["text", "noise", "safetensors", "torch", "missing", "folder"])
def test_foreign_files_are_refused(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "foreign.bin"
    if kind == "text":
        path.write_text("not a network\n" * 100)
    elif kind == "noise":
        path.write_bytes(hashlib.sha512(b"seed").digest() * 64)
    elif kind == "safetensors":
        safetensors.torch.save_file({"weight": torch.zeros(3)}, path, metadata={"by": "others"})
    elif kind == "torch":
        torch.save({"weight": torch.zeros(3)}, path)
    elif kind == "folder":
        path.mkdir()
    refuses(lambda: load(path), path.name, error=ArtifactError)
    refuses(lambda: segprune.read_header(path), path.name, error=ArtifactError)


def test_a_file_of_an_unknown_schema_version_is_refused(file: Path) -> None:
    """Rewrites the header as a later version of this package would write it."""
    content = file.read_bytes()
    size = int.from_bytes(content[:8], "little")
    header = json.loads(content[8 : 8 + size])
    metadata = header["__metadata__"]
    text = json.dumps(metadata)
    assert "schema" in text
    for key, value in metadata.items():
        if "schema" in key:
            metadata[key] = "999"
        elif value.startswith("{") and "schema" in value:
            document = json.loads(value)
            found = [name for name in document if "schema" in name]
            metadata[key] = json.dumps(document | dict.fromkeys(found, 999))
    again = json.dumps(header).encode()
    file.write_bytes(len(again).to_bytes(8, "little") + again + content[8 + size :])
    refuses(lambda: load(file), file.name, error=ArtifactError)


def test_a_users_network_is_not_loaded_without_its_dense_instance(file: Path) -> None:
    refuses(lambda: segprune.load(file), "model", error=ArtifactError)


def test_a_file_is_not_loaded_into_another_network(file: Path) -> None:
    refuses(lambda: segprune.load(file, Network()), "network")


def test_a_network_that_does_not_fit_its_plan_is_not_saved(tmp_path: Path) -> None:
    network, _, _, plan, _ = unet()
    path = tmp_path / "wrong.safetensors"
    refuses(lambda: segprune.save(path, network, plan))
    assert os.listdir(tmp_path) == []


def test_a_failed_write_leaves_the_old_file_and_nothing_else(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, _, _, plan, pruned = unet()
    before = file.read_bytes()

    def fail(*_: Any, **__: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises((SegpruneError, OSError)):
        segprune.save(file, pruned, plan)
    assert file.read_bytes() == before
    assert os.listdir(file.parent) == [file.name]


def test_a_folder_that_does_not_exist_is_refused_or_made(tmp_path: Path) -> None:
    _, _, _, plan, pruned = unet()
    path = tmp_path / "new" / "small.safetensors"
    with contextlib.suppress(SegpruneError):
        segprune.save(path, pruned, plan)
        assert path.is_file()


def test_all_errors_have_one_root() -> None:
    public = {getattr(segprune.errors, name) for name in segprune.errors.__all__}
    kinds = {one for one in public if isinstance(one, type)}
    assert public - kinds == {segprune.errors.warn_renamed}
    kinds.remove(segprune.SegpruneWarning)  # the one that stops nothing
    assert issubclass(segprune.SegpruneWarning, UserWarning)
    assert all(issubclass(kind, segprune.SegpruneError) for kind in kinds)
    assert issubclass(InputError, segprune.SegpruneError)
