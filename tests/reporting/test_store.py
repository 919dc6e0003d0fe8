"""Many cells in one file: the very records back, and a changed cell is a changed line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from reporting.records import campaign, cell, digest, evaluation
from segprune.errors import ArtifactError
from segprune.records.io import to_json, write_record
from segprune.records.sweep import CellRecord, SpeedRecord
from segprune.reporting import adopt, read_collection
from segprune.reporting.store import read_bundle, write_bundle


def test_a_bundle_gives_the_very_records_back() -> None:
    collection = campaign(budgets=(0.5,))
    assert read_bundle(CellRecord, write_bundle(collection.cells)) == collection.cells
    assert read_bundle(SpeedRecord, write_bundle(collection.speeds)) == collection.speeds


@pytest.mark.parametrize(
    "records",
    [
        [cell()],
        [cell(), cell(miou=None, importance="lamp")],
        [cell(), cell(recipe="one line", importance="lamp"), cell(recipe="a\n", importance="fpgm")],
        [cell(packages={}), cell(packages={"x": "1"}), cell(packages={"x": "1", "y": "2"})],
        [cell("icnet"), cell("bisenetv2")],
    ],
)
def test_a_bundle_keeps_what_only_some_records_have(records: list[CellRecord]) -> None:
    assert list(read_bundle(CellRecord, write_bundle(records))) == records


@pytest.mark.parametrize("miou", [0.41, None])
def test_one_changed_cell_is_one_changed_line(miou: float | None) -> None:
    cells = [cell(importance=name) for name in ("fpgm", "lamp", "taylor")]
    before = write_bundle(cells).splitlines()
    cells[1] = cell(importance="lamp", miou=miou, validation_images=7)
    after = write_bundle(cells).splitlines()
    assert len(before) == len(after)
    assert sum(one != other for one, other in zip(before, after, strict=True)) == 1


def test_a_whole_campaign_takes_less_than_a_megabyte_and_a_half() -> None:
    layers = {
        name: [(f"stage.{n}.part.conv", 64) for n in range(60)] for name in ("bisenetv2", "icnet")
    }
    collection = campaign(layers=layers)
    assert len(collection.cells) > 256
    assert len(write_bundle(collection.cells)) + len(write_bundle(collection.speeds)) < 1.5e6


def test_json_that_is_too_deep_is_refused(tmp_path: Path) -> None:
    (tmp_path / "deep.json").write_text("[" * 100_000, "utf-8")
    with pytest.raises(ArtifactError, match=r"deep\.json: expected a JSON record"):
        adopt([tmp_path / "deep.json"], tmp_path / "records")


def test_two_evaluations_of_one_name_are_refused(tmp_path: Path) -> None:
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        write_record(tmp_path / folder / "test.json", evaluation(digest(folder)))
    with pytest.raises(ArtifactError, match="expected one EvaluationRecord of the name test"):
        read_collection(tmp_path)


def test_records_of_other_kinds_are_other_pages_business(tmp_path: Path) -> None:
    (tmp_path / "matrix.json").write_text('{"schema": "segprune.verification-matrix/1"}', "utf-8")
    assert read_collection(tmp_path).is_empty
    changed = json.loads(to_json(cell())) | {"schema": "segprune.cell/2"}
    (tmp_path / "cell.json").write_text(json.dumps(changed), "utf-8")
    with pytest.raises(ArtifactError, match="expected schema"):
        read_collection(tmp_path)
