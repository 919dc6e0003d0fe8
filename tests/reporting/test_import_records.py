"""Records that are kept with the project: whole, sound, and without a machine's paths."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from reporting.records import a_run, campaign, cell, training
from segprune.errors import ArtifactError, InputError
from segprune.records.io import write_record
from segprune.records.sweep import CellRecord, SpeedRecord
from segprune.reporting import adopt, read_collection
from segprune.reporting.plots.style import RECOVERED


def a_sweep(folder: Path, cells: list[CellRecord], speeds: list[SpeedRecord]) -> Path:
    for kind, name, records in (("cells", "cell", cells), ("speed", "name", speeds)):
        (folder / kind).mkdir(parents=True, exist_ok=True)
        for record in records:
            write_record(folder / kind / f"{getattr(record, name)}.json", record)
    return folder


def test_what_was_adopted_is_what_is_read(tmp_path: Path) -> None:
    records = tmp_path / "records"
    whole = campaign(budgets=(0.5,), importances=("fpgm", "lamp", "taylor"))
    runs = [tmp_path / record.name for record in whole.trainings]
    for run, record in zip(runs, whole.trainings, strict=True):
        run.mkdir()
        write_record(run / "record.json", record)
    runs.append(a_sweep(tmp_path / "streets", list(whole.cells), list(whole.speeds)))
    for name, record in whole.sensitivities.items():
        (tmp_path / name).mkdir()
        write_record(tmp_path / name / "sensitivity.json", record)
        runs.append(tmp_path / name)
    adopted = adopt(runs, records)
    assert {one.state for one in adopted} == {"new"}
    found = read_collection(records)
    assert found.digest == whole.digest
    assert {one.state for one in adopt(runs, records)} == {"unchanged"}
    names = {path.relative_to(records).as_posix() for path in records.rglob("*.json")}
    assert {"bisenetv2-streets-dense.json", "streets/speed.json", "bisenetv2-streets.json"} < names
    assert {f"streets/icnet-{recovery}.json" for recovery in RECOVERED} < names


def test_cells_join_those_that_were_adopted_before(tmp_path: Path) -> None:
    first = a_sweep(tmp_path / "one" / "streets", [cell()], [])
    second = a_sweep(tmp_path / "two" / "streets", [cell(importance="lamp")], [])
    adopt([first], tmp_path / "records")
    adopt([second], tmp_path / "records")
    found = read_collection(tmp_path / "records").cells
    assert [record.importance for record in found] == ["lamp", "taylor"]


@pytest.mark.parametrize("many", [False, True])
def test_another_record_of_the_same_name_is_replaced_only_on_request(
    tmp_path: Path, many: bool
) -> None:
    records = tmp_path / "records"

    def run(miou: float, name: str) -> Path:
        if many:
            return a_sweep(tmp_path / name / "streets", [cell(miou=miou)], [])
        return a_run(tmp_path / name, miou=miou)

    adopt([run(0.6, "first")], records)
    before = {path: path.read_bytes() for path in records.rglob("*.json")}
    other = run(0.7, "second")
    with pytest.raises(ArtifactError, match=r"differs in (scores|outcome).*--replace"):
        adopt([other], records)
    assert {path: path.read_bytes() for path in records.rglob("*.json")} == before
    assert {one.state for one in adopt([other], records, replace=True)} == {"changed"}
    assert "0.7" in next(records.rglob("*.json")).read_text("utf-8")


HOME = "/".join(("", "home", "someone", "data"))


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"command": ("segprune", "train", f"{HOME}/dense.toml")}, r"command\[2\]"),
        ({"recipe": training().recipe + f'init_from = "{HOME}/x"\n'}, "recipe"),
        ({"packages": {"torchvision": f"from {HOME}"}}, r"packages\.torchvision"),
        ({"name": "C:" + "\\runs"}, "name"),
        ({"command": ("segprune", "train", "~/dense.toml")}, r"command\[2\]"),
    ],
)
def test_a_record_with_a_path_of_a_machine_is_refused_and_nothing_is_written(
    tmp_path: Path, changes: dict[str, Any], field: str
) -> None:
    good, bad = a_run(tmp_path / "good"), a_run(tmp_path / "bad", **changes)
    with pytest.raises(ArtifactError, match=f"field {field}: expected no path"):
        adopt([good, bad], tmp_path / "records")
    assert not (tmp_path / "records").exists()


@pytest.mark.parametrize("text", ["a/b/c", "https://host/a/b", "Linux x86_64", "MACs/s", "2/3 / 4"])
def test_other_slashes_are_no_paths(tmp_path: Path, text: str) -> None:
    run = a_run(tmp_path / "run", command=("segprune", text))
    assert len(adopt([run], tmp_path / "records")) == 1


@pytest.mark.parametrize("content", [None, "{}", '{"schema": "segprune.training/1"}', "no JSON"])
def test_a_run_without_a_sound_record_is_refused(tmp_path: Path, content: str | None) -> None:
    run = tmp_path / "run"
    run.mkdir()
    if content is not None:
        (run / "record.json").write_text(content, "utf-8")
    with pytest.raises((ArtifactError, InputError), match="expected"):
        adopt([run], tmp_path / "records")


@pytest.mark.parametrize("name", ["../escaped", "a/b/c", "..", "", ".hidden", "a b"])
def test_a_name_that_leads_out_of_the_folder_is_refused(tmp_path: Path, name: str) -> None:
    run = a_run(tmp_path / "run", name=name)
    with pytest.raises(ArtifactError, match="expected"):
        adopt([run], tmp_path / "a" / "records")
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


def test_a_record_that_contradicts_itself_is_not_adopted(tmp_path: Path) -> None:
    run = a_run(tmp_path / "run")
    content = json.loads((run / "record.json").read_text("utf-8"))
    content["scores"]["result"]["miou"] = 0.9999
    (run / "record.json").write_text(json.dumps(content), "utf-8")
    with pytest.raises(ArtifactError, match="miou"):
        adopt([run], tmp_path / "records")
    assert not (tmp_path / "records").exists()


def test_a_file_in_place_of_the_records_folder_is_named(tmp_path: Path) -> None:
    (tmp_path / "records").write_text("")
    with pytest.raises(InputError, match="records: expected a folder"):
        adopt([a_run(tmp_path / "run")], tmp_path / "records")
