"""All records that are kept with the project: read from their folder, sorted by kind."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from segprune.errors import ArtifactError
from segprune.records.evaluation import EvaluationRecord
from segprune.records.io import from_json, to_json
from segprune.records.run_facts import with_facts, without_facts
from segprune.records.sensitivity import SensitivityRecord
from segprune.records.sweep import CellRecord, SpeedRecord
from segprune.records.training import TrainingRecord
from segprune.reporting.bundle import SCHEMA as BUNDLE
from segprune.reporting.bundle import read_bundle
from segprune.reporting.checks import require_agreement, require_consistent

__all__ = ["KINDS", "Collection", "read_collection", "read_records"]

KINDS: Mapping[str, type[Any]] = {
    kind.SCHEMA.partition("/")[0]: kind
    for kind in (CellRecord, EvaluationRecord, SensitivityRecord, SpeedRecord, TrainingRecord)
}
"""What a report is made of, by the name of its schema. Other records are other pages' business."""


@dataclass(frozen=True)
class Collection:
    """Records by kind, each in the order of names.

    Attributes:
        trainings: with all of their facts, which files of earlier versions do not state.
        sensitivities, evaluations: by the name of their file, without ".json".
    """

    trainings: tuple[TrainingRecord, ...] = ()
    cells: tuple[CellRecord, ...] = ()
    speeds: tuple[SpeedRecord, ...] = ()
    sensitivities: Mapping[str, SensitivityRecord] = field(default_factory=dict)
    evaluations: Mapping[str, EvaluationRecord] = field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "trainings", tuple(map(with_facts, self.trainings)))

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to report."""
        return self == Collection()

    @property
    def datasets(self) -> tuple[str, ...]:
        """Names of the data sets that were trained or swept on."""
        found = {record.data for record in self.trainings}
        found |= {cell.data for cell in self.cells}
        return tuple(sorted(found | {record.data for record in self.evaluations.values()}))

    @property
    def digest(self) -> str:
        """SHA-256 of all records: plots carry it, which shows whether they are up to date."""
        trainings = map(without_facts, self.trainings)  # as they are in their files
        texts = [to_json(r) for r in (*trainings, *self.cells, *self.speeds)]
        texts += [name + to_json(record) for name, record in self.sensitivities.items()]
        texts += [name + to_json(record) for name, record in self.evaluations.items()]
        return hashlib.sha256("\0".join(sorted(texts)).encode()).hexdigest()


def read_collection(folder: Path) -> Collection:
    """Read every record in a folder and those below it.

    Raises:
        ArtifactError: no such folder, a file that is no record, or one of another version.
    """
    if not folder.is_dir():
        raise ArtifactError(
            f"{folder}: expected a folder of records, found none; run this in the project's root, "
            "or say where it is with --records."
        )
    found: dict[type[Any], list[Any]] = {kind: [] for kind in KINDS.values()}
    sensitivities: dict[str, SensitivityRecord] = {}
    evaluations: dict[str, EvaluationRecord] = {}
    for path in sorted(folder.rglob("*.json"), key=lambda p: p.relative_to(folder).as_posix()):
        for record in read_records(path):
            require_consistent(record, str(path))
            if isinstance(record, SensitivityRecord):
                _add(sensitivities, path, record)
            elif isinstance(record, EvaluationRecord):
                _add(evaluations, path, record)
            else:
                found[type(record)].append(record)
    trainings = tuple(sorted(found[TrainingRecord], key=lambda record: record.name))
    require_agreement(trainings)
    return Collection(
        trainings=trainings,
        cells=tuple(sorted(found[CellRecord], key=lambda record: (record.sweep, record.cell))),
        speeds=tuple(sorted(found[SpeedRecord], key=lambda r: (r.name, r.candidate_plan))),
        sensitivities=sensitivities,
        evaluations=evaluations,
    )


def _add(known: dict[str, Any], path: Path, record: Any) -> None:
    if path.stem in known:
        raise ArtifactError(
            f"{path}: expected one {type(record).__name__} of the name {path.stem}, found another "
            "in a folder beside it; rename one of the files."
        )
    known[path.stem] = record


def read_records(path: Path) -> Iterator[Any]:
    """The records of one file, single or a bundle; none where it is of a kind we do not report."""
    try:
        text = path.read_text(encoding="utf-8")
        content = json.loads(text)
        schema = content["schema"]
        kind = KINDS.get(str(content["of"] if schema == BUNDLE else schema).partition("/")[0])
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise ArtifactError(
            f"{path}: expected a JSON record with its schema, found {error!r}; remove the file, or "
            "adopt its run again."
        ) from error
    if kind is None:
        return
    if schema == BUNDLE:
        yield from read_bundle(kind, text, str(path))
    else:
        yield from iter((from_json(kind, text, str(path)),))
