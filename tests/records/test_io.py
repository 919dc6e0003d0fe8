"""Files appear whole or not at all; records are read back as they were written, or refused."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import pytest

from segprune.errors import ArtifactError
from segprune.records.environment import Environment, environment
from segprune.records.io import (
    from_json,
    new_folder,
    read_record,
    to_json,
    write_atomic,
    write_record,
)
from segprune.speed import Pair, SpeedComparison, summarise


@dataclass(frozen=True)
class Part:
    name: str
    sizes: tuple[int, ...]


@dataclass(frozen=True)
class Whole:
    SCHEMA: ClassVar[str] = "test.whole/1"

    ratio: float
    good: bool
    note: str | None
    parts: tuple[Part, ...]
    shares: Mapping[str, float]


@dataclass(frozen=True)
class Run:
    SCHEMA: ClassVar[str] = "test.run/1"

    speed: SpeedComparison | None
    environment: Environment


WHOLE = Whole(0.1, True, None, (Part("a", (1, 2)), Part("ü", ())), {"macs": 0.5})


def listed(folder: Path) -> list[str]:
    """Everything in a folder, hidden files too."""
    return sorted(os.listdir(folder))


# ---------------------------------------------------------------- records


def test_a_record_is_read_back_as_it_was_written(tmp_path: Path) -> None:
    write_record(tmp_path / "whole.json", WHOLE)
    assert read_record(Whole, tmp_path / "whole.json") == WHOLE


def test_the_schema_comes_first_in_a_file() -> None:
    assert next(iter(json.loads(to_json(WHOLE)))) == "schema"


def test_a_whole_number_is_accepted_where_a_fraction_is_expected() -> None:
    text = json.dumps(json.loads(to_json(WHOLE)) | {"ratio": 1})
    assert from_json(Whole, text).ratio == 1.0


def changed(**entries: Any) -> str:
    return json.dumps(json.loads(to_json(WHOLE)) | entries)


WRONG: dict[str, tuple[str, str]] = {
    "no JSON": ("{", "JSON"),
    "a list": ("[]", "schema"),
    "another schema": (changed(schema="test.whole/2"), "test.whole/2"),
    "no schema": ("{}", "None"),
    "a missing field": (
        json.dumps({k: v for k, v in json.loads(to_json(WHOLE)).items() if k != "good"}), "good",
    ),
    "an unknown field": (changed(extra=1), "extra"),
    "a text for a number": (changed(ratio="0.1"), "ratio"),
    "a number for a truth": (changed(good=1), "good"),
    "a truth for a number": (changed(ratio=True), "ratio"),
    "a wrong type deep inside": (changed(parts=[{"name": "a", "sizes": [1, "2"]}]), "sizes[1]"),
    "a wrong type in a mapping": (changed(shares={"macs": "half"}), "shares.macs"),
    "a mapping for a list": (changed(parts={}), "parts"),
}  # fmt: skip


@pytest.mark.parametrize("case", WRONG)
def test_a_record_that_does_not_fit_is_refused_by_the_name_of_the_field(case: str) -> None:
    text, word = WRONG[case]
    with pytest.raises(ArtifactError, match="expected") as caught:
        from_json(Whole, text, "file.json")
    assert word in str(caught.value)
    assert "file.json" in str(caught.value)


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
def test_numbers_that_json_lacks_are_not_written(number: float, tmp_path: Path) -> None:
    record = Whole(number, True, None, (), {})
    with pytest.raises(ArtifactError, match="finite"):
        write_record(tmp_path / "whole.json", record)
    assert listed(tmp_path) == []


@pytest.mark.parametrize("kind", ["missing", "folder", "bytes"])
def test_files_that_cannot_be_read_are_refused(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "whole.json"
    if kind == "folder":
        path.mkdir()
    elif kind == "bytes":
        path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ArtifactError, match=r"whole\.json"):
        read_record(Whole, path)


def test_a_measurement_and_its_environment_are_records() -> None:
    pairs = [Pair(2.0 + n / 10, 1.0, n % 2 == 0) for n in range(8)]
    speed = summarise(pairs, 0.95, batch=1, threads=1, device="cpu")
    for run in (Run(speed, environment()), Run(None, environment())):
        assert from_json(Run, to_json(run)) == run


# ---------------------------------------------------------------- files


def test_a_written_file_replaces_the_old_one_and_leaves_nothing_beside(tmp_path: Path) -> None:
    path = tmp_path / "file.txt"
    write_atomic(path, "old")
    write_atomic(path, b"new")
    assert path.read_text() == "new"
    assert listed(tmp_path) == ["file.txt"]


def test_a_written_file_has_the_usual_permissions(tmp_path: Path) -> None:
    (tmp_path / "usual").write_text("")
    write_atomic(tmp_path / "ours", "")
    assert (tmp_path / "ours").stat().st_mode == (tmp_path / "usual").stat().st_mode


def test_a_file_that_is_replaced_keeps_its_mode(tmp_path: Path) -> None:
    write_atomic(tmp_path / "secret", "old")
    (tmp_path / "secret").chmod(0o600)
    write_atomic(tmp_path / "secret", "new")
    assert (tmp_path / "secret").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("there", [True, False])
def test_through_a_link_the_file_is_written_that_it_leads_to(tmp_path: Path, there: bool) -> None:
    target, link = tmp_path / "store" / "file.txt", tmp_path / "link.txt"
    target.parent.mkdir()
    if there:
        target.write_text("old")
    link.symlink_to(target)
    write_atomic(link, "new")
    assert link.is_symlink()
    assert target.read_text() == "new"
    assert listed(target.parent) == ["file.txt"]


@pytest.mark.parametrize("kind", ["pipe", "folder"])
def test_what_is_no_file_is_not_replaced(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "there"
    os.mkfifo(path) if kind == "pipe" else path.mkdir()
    before = path.stat().st_mode
    with pytest.raises(ArtifactError, match=f"found a {kind}, which a file must not replace"):
        write_atomic(path, "text")
    assert path.stat().st_mode == before
    assert listed(tmp_path) == ["there"]


@pytest.mark.parametrize("name", ["", "a\0b", "a" * 300])
def test_a_name_that_is_none_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(ArtifactError, match="expected a file that can be written"):
        write_atomic(Path(name) if not name else tmp_path / name, "text")
    assert listed(tmp_path) == []


@pytest.mark.parametrize("step", ["replace", "fsync"])
@pytest.mark.parametrize("error", [OSError(28, "No space left"), KeyboardInterrupt()])
def test_a_write_that_fails_leaves_the_old_file_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str, error: BaseException
) -> None:
    path = tmp_path / "file.txt"
    write_atomic(path, "old")

    def fail(*_: Any) -> None:
        raise error

    monkeypatch.setattr(os, step, fail)
    with pytest.raises((ArtifactError, KeyboardInterrupt)):
        write_atomic(path, "new")
    assert path.read_text() == "old"
    assert listed(tmp_path) == ["file.txt"]


def test_a_file_in_a_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match="folder"):
        write_atomic(tmp_path / "none" / "file.txt", "text")


# ---------------------------------------------------------------- folders


def test_a_folder_takes_its_name_only_when_it_is_complete(tmp_path: Path) -> None:
    with new_folder(tmp_path / "runs" / "a") as folder:
        (folder / "file").write_text("x")
        assert not (tmp_path / "runs" / "a").exists()
    assert listed(tmp_path / "runs") == ["a"]
    assert listed(tmp_path / "runs" / "a") == ["file"]


@pytest.mark.parametrize("error", [ValueError("no"), KeyboardInterrupt(), SystemExit(143)])
@pytest.mark.parametrize("there", [False, True])
def test_a_folder_that_is_interrupted_is_as_if_it_had_not_begun(
    tmp_path: Path, error: BaseException, there: bool
) -> None:
    if there:
        (tmp_path / "a").mkdir()
        (tmp_path / "a" / "old").write_text("x")
    before = listed(tmp_path)

    def interrupted() -> None:
        with new_folder(tmp_path / "a", replace=there) as folder:
            (folder / "half").write_text("x")
            raise error

    with pytest.raises(type(error)):
        interrupted()
    assert listed(tmp_path) == before
    assert not there or listed(tmp_path / "a") == ["old"]


def test_a_folder_that_is_there_is_refused_before_anything_is_made(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    with pytest.raises(ArtifactError, match="free"), new_folder(tmp_path / "a"):
        pytest.fail("the block was entered")
    assert listed(tmp_path) == ["a"]


def test_a_folder_is_replaced_when_asked_for(tmp_path: Path) -> None:
    for name in ("old", "new"):
        with new_folder(tmp_path / "a", replace=True) as folder:
            (folder / name).write_text("x")
    assert listed(tmp_path) == ["a"]
    assert listed(tmp_path / "a") == ["new"]


def test_a_replacement_that_fails_puts_the_old_folder_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "old").write_text("x")
    rename, moves = os.rename, []

    def second_fails(source: Any, target: Any) -> None:
        moves.append(source)
        if len(moves) == 2:
            raise OSError(5, "Input/output error")
        rename(source, target)

    monkeypatch.setattr(os, "rename", second_fails)

    def replaced() -> None:
        with new_folder(tmp_path / "a", replace=True) as folder:
            (folder / "new").write_text("x")

    with pytest.raises(ArtifactError, match="Input/output"):
        replaced()
    assert listed(tmp_path) == ["a"]
    assert listed(tmp_path / "a") == ["old"]
