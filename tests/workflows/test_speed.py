"""Two files are measured in turn, at the size that they name."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from segprune.errors import ArtifactError, InputError
from segprune.records.io import read_record
from segprune.records.sweep import SpeedRecord
from segprune.workflows.jobs import SpeedJob
from segprune.workflows.speed import run_speed
from workflows.small import MODEL, SIZE, four, keep


def test_the_record_names_both_files_and_the_size(tmp_path: Path) -> None:
    dense = keep(tmp_path / "dense.safetensors", four(), 1.0, input=list(SIZE))
    small = keep(tmp_path / "small.safetensors", four(), input=list(SIZE))
    result = run_speed(SpeedJob(dense, small, model=MODEL, pairs=6, out=tmp_path / "runs"))
    assert result.folder == tmp_path / "runs" / "small-speed"
    record = read_record(SpeedRecord, result.folder / "speed.json")
    assert (record.reference, record.candidate, record.input) == ("dense", "small", SIZE)
    assert record.reference_artifact == hashlib.sha256(dense.read_bytes()).hexdigest()
    assert record.candidate_artifact == hashlib.sha256(small.read_bytes()).hexdigest()
    assert record.speed.pairs == 6


@pytest.mark.parametrize(
    ("sizes", "message"),
    [((None, None), "pass --input"), ((SIZE, (1, 3, 8, 8)), "expected one for both")],
)
def test_files_have_to_name_one_size(
    tmp_path: Path, sizes: tuple[tuple[int, ...] | None, ...], message: str
) -> None:
    files = [
        keep(tmp_path / f"{number}.safetensors", four(), **({"input": list(size)} if size else {}))
        for number, size in enumerate(sizes)
    ]
    with pytest.raises(InputError, match=message):
        run_speed(SpeedJob(*files, model=MODEL, out=tmp_path))


def test_a_size_at_which_a_network_does_not_run_is_refused(tmp_path: Path) -> None:
    files = [keep(tmp_path / f"{name}.safetensors", four()) for name in "ab"]
    with pytest.raises(InputError, match=r"a\.safetensors runs at, found 1×?x?5"):
        run_speed(SpeedJob(*files, model=MODEL, input=(1, 5, 8, 8), out=tmp_path))


def test_the_second_file_is_an_artefact(tmp_path: Path) -> None:
    import torch

    torch.save(four().state_dict(), tmp_path / "w.pt")
    first = keep(tmp_path / "a.safetensors", four(), input=list(SIZE))
    with pytest.raises(ArtifactError, match="in second place"):
        run_speed(SpeedJob(first, tmp_path / "w.pt", model=MODEL, out=tmp_path))
