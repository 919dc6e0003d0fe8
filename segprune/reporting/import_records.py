"""Copy records from `runs/`, which is not committed, to those that are kept with the project.

A training becomes a file of its own. The cells of a sweep that share network and recovery share a
file, and so do all of its measurements of speed. Everything is checked before anything is written.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from segprune.errors import ArtifactError, InputError
from segprune.records.evaluation import EvaluationRecord
from segprune.records.io import to_json, write_atomic
from segprune.records.sensitivity import SensitivityRecord
from segprune.records.sweep import CellRecord, SpeedRecord
from segprune.records.training import TrainingRecord
from segprune.reporting.checks import require_consistent
from segprune.reporting.store import read_bundle, read_records, write_bundle

__all__ = ["Adopted", "adopt", "paths_in"]

_SINGLE = ("record.json", "sensitivity.json", "speed.json", "evaluation.json")
_MANY = ("cells", "speed")
"""What runs hold: files, and folders of files."""

# An absolute path of two parts or more, a home, or a Windows drive; no address, no "a/b".
_PATH = re.compile(
    r"(?<![\w.:/~-])/[\w.-]+/[\w.-]|(?<![\w/])~[\w-]*/\w|(?<!\w)[A-Za-z]:\\\w|\\\\\w"
)


State = Literal["new", "changed", "unchanged"]


@dataclass(frozen=True)
class Adopted:
    """A file of records, and whether it changed."""

    path: Path
    state: State
    records: int


def adopt(runs: Sequence[Path], records: Path, *, replace: bool = False) -> tuple[Adopted, ...]:
    """Copy the records of runs to the committed ones.

    Args:
        runs: folders under `runs/`, or single JSON files.
        records: where committed records are.
        replace: a record of the same name with another content may be overwritten.

    Raises:
        InputError: a run without any record.
        ArtifactError: a record is damaged, contradicts itself, holds a path of this machine, has
            no name of a file, or differs from a committed one of its name; then nothing is written.
    """
    found = [(run, path, record) for run in runs for path, record in _records_of(run)]
    if records.exists() and not records.is_dir():
        raise InputError(f"records: expected a folder, found the file {records}; name its folder.")
    for _, path, record in found:
        _require_portable(record, path)
        require_consistent(record, str(path))
    singles: dict[Path, Any] = {}
    bundles: dict[Path, dict[str, Any]] = {}
    for run, path, record in found:
        place, key = _place(run, path, record)
        _require_below(place, path)
        if key is None:
            _add(singles, records / place, record, f"{path}: {place}")
        else:
            _add(bundles.setdefault(records / place, {}), key, record, f"{path}: {key}")
    texts = [_single(path, record, replace) for path, record in sorted(singles.items())]
    texts += [_bundle(path, own, replace) for path, own in sorted(bundles.items())]
    for adopted, text in texts:
        if adopted.state != "unchanged":
            adopted.path.parent.mkdir(parents=True, exist_ok=True)
            write_atomic(adopted.path, text)
    return tuple(adopted for adopted, _ in texts)


def paths_in(value: Any, where: str = "") -> Iterator[str]:
    """Yield the fields of a record, as plain values, whose text holds a path of a machine."""
    if isinstance(value, str):
        if _PATH.search(value):
            yield where
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from paths_in(item, f"{where}.{key}" if where else str(key))
    elif isinstance(value, (list, tuple)):
        for number, item in enumerate(value):
            yield from paths_in(item, f"{where}[{number}]")


# -- reading ---------------------------------------------------------------------------------------


def _records_of(run: Path) -> list[tuple[Path, Any]]:
    if run.is_file():
        paths = [run]
    else:
        paths = [run / name for name in _SINGLE if (run / name).is_file()]
        paths += [path for folder in _MANY for path in sorted((run / folder).glob("*.json"))]
    found = [(path, record) for path in paths for record in read_records(path)]
    if not found:
        raise InputError(
            f"{run}: expected a run with {', '.join(_SINGLE)}, or with folders "
            f"{' and '.join(_MANY)} of records, found none that a report shows; pass the folder of "
            "a finished run."
        )
    return found


def _require_portable(record: Any, path: Path) -> None:
    for where in paths_in(json.loads(to_json(record))):
        raise ArtifactError(
            f"{path}: field {where}: expected no path of a machine, found one; a record must mean "
            "the same everywhere. Run it again with a relative path."
        )


def _require_below(place: str, path: Path) -> None:
    """Refuse a name that leads out of the folder: names come from files that others wrote."""
    *folder, name = place.split("/")
    parts = [*folder, name.removesuffix(".json")]
    if len(folder) > 1 or any(not re.fullmatch(r"\w[\w.-]*", part) for part in parts):
        raise ArtifactError(
            f"{path}: expected a record whose name is that of a file, found {place!r}; "
            "run it again under another name."
        )


def _place(run: Path, path: Path, record: Any) -> tuple[str, str | None]:
    """Return the file, relative to the records, and the key in it if it holds many."""
    if isinstance(record, CellRecord):
        return f"{record.sweep}/{record.network}-{record.recovery}.json", record.cell
    if isinstance(record, SpeedRecord):
        if path.parent.name in _MANY:
            return f"{run.name}/speed.json", record.name
        return f"{record.name.removesuffix('-speed')}-speed.json", None
    if isinstance(record, TrainingRecord):
        return f"{record.name}.json", None
    assert isinstance(record, (EvaluationRecord, SensitivityRecord))
    return f"{path.stem if run.is_file() else run.name}.json", None


def _add(to: dict[Any, Any], key: Any, record: Any, what: str) -> None:
    if to.setdefault(key, record) != record:
        raise ArtifactError(
            f"{what}: expected one record of that name, found two different ones among the runs; "
            "adopt one of them."
        )


# -- what is to be written -------------------------------------------------------------------------


def _single(path: Path, record: Any, replace: bool) -> tuple[Adopted, str]:
    before = next(read_records(path), None) if path.exists() else None
    return Adopted(path, _state(path, path.name, before, record, replace), 1), to_json(record)


def _bundle(path: Path, own: Mapping[str, Any], replace: bool) -> tuple[Adopted, str]:
    """New records beside those that the file has already."""
    old = {_key(record): record for record in read_records(path)} if path.exists() else {}
    states = {_state(path, key, old.get(key), record, replace) for key, record in own.items()}
    kept = [record for _, record in sorted({**old, **own}.items())]
    text = write_bundle(kept)
    if list(read_bundle(type(kept[0]), text, str(path))) != kept:
        raise ArtifactError(
            f"{path}: expected a bundle that gives its records back, found another content; keep "
            "the run, and report this as a mistake of segprune."
        )
    state: State = "unchanged" if states == {"unchanged"} else "changed" if old else "new"
    return Adopted(path, state, len(own)), text


def _key(record: Any) -> str:
    return str(record.cell if isinstance(record, CellRecord) else record.name)


def _state(path: Path, name: str, before: Any, record: Any, replace: bool) -> State:
    if before is None:
        return "new"
    if before == record:
        return "unchanged"
    if not replace:
        differing = [n for n in vars(record) if getattr(before, n, None) != getattr(record, n)]
        raise ArtifactError(
            f"{path}: expected no other record of {name}, found one that differs in "
            f"{', '.join(differing[:5])}; pass --replace if the new one is to count."
        )
    return "changed"
