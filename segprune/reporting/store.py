"""All records that are kept with the project: read from their folder, sorted by kind.

A file holds one record, or a bundle: many small records, a line each; what most of them share
stands once.

    {"schema": "segprune.bundle/1", "of": "segprune.cell/1",
     "shared": {fields that most records have alike}, "records": [the other fields of each, …]}

A line of a difference is a record. `read_bundle` returns exactly the records that were written.
Bundles of earlier versions share parts of fields, too: lists of objects as columns
(`{"@columns": {"kept": [8, 5]}}`) and texts by line (`{"@lines": {"0": …}}`).
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from segprune.errors import ArtifactError
from segprune.records.evaluation import EvaluationRecord
from segprune.records.io import from_json, to_json
from segprune.records.run_facts import with_facts, without_facts
from segprune.records.sensitivity import SensitivityRecord
from segprune.records.sweep import CellRecord, SpeedRecord
from segprune.records.training import TrainingRecord
from segprune.reporting.checks import require_agreement, require_consistent

__all__ = [
    "KINDS", "Collection", "read_bundle", "read_collection", "read_records", "write_bundle",
]  # fmt: skip

BUNDLE = "segprune.bundle/1"

Record = TypeVar("Record")

_COLUMNS, _LINES = "@columns", "@lines"

KINDS: Mapping[str, type[Any]] = {
    kind.SCHEMA.partition("/")[0]: kind
    for kind in (CellRecord, EvaluationRecord, SensitivityRecord, SpeedRecord, TrainingRecord)
}
"""What a report is made of, by the name of its schema. Other kinds are for other pages."""


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
    named: dict[type[Any], dict[str, Any]] = {SensitivityRecord: {}, EvaluationRecord: {}}
    for path in sorted(folder.rglob("*.json"), key=lambda p: p.relative_to(folder).as_posix()):
        for record in read_records(path):
            require_consistent(record, str(path))
            kind = type(record)
            if kind not in named:
                found[kind].append(record)
            elif named[kind].setdefault(path.stem, record) is not record:
                raise ArtifactError(
                    f"{path}: expected one {kind.__name__} of the name {path.stem}, found another "
                    "in a folder beside it; rename one of the files."
                )
    trainings = tuple(sorted(found[TrainingRecord], key=lambda record: record.name))
    require_agreement(trainings)
    return Collection(
        trainings=trainings,
        cells=tuple(sorted(found[CellRecord], key=lambda record: (record.sweep, record.cell))),
        speeds=tuple(sorted(found[SpeedRecord], key=lambda r: (r.name, r.candidate_plan))),
        sensitivities=named[SensitivityRecord],
        evaluations=named[EvaluationRecord],
    )


def read_records(path: Path) -> Iterator[Any]:
    """Yield the records of one file, single or a bundle; none of a kind that no report shows."""
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
        yield from_json(kind, text, str(path))


# -- bundles ---------------------------------------------------------------------------------------


def write_bundle(records: Sequence[Any]) -> str:
    """Return the text of a bundle.

    Args:
        records: at least one, all of one kind, in the order of their lines.
    """
    contents = [json.loads(to_json(record)) for record in records]
    kinds = {content.pop("schema") for content in contents}
    if len(kinds) != 1:
        raise ArtifactError(
            f"bundle: expected records of one kind, found {', '.join(sorted(kinds)) or 'none'}; "
            "write each kind to a file of its own."
        )
    shared = {}
    for key in contents[0]:
        if all(key in content for content in contents):  # a line cannot take a field away
            text, count = Counter(_compact(content[key]) for content in contents).most_common(1)[0]
            if 2 * count > len(contents):
                shared[key] = text
    lines = [
        {key: value for key, value in content.items() if _compact(value) != shared.get(key)}
        for content in contents
    ]
    common = ",\n".join(f"    {_compact(key)}: {text}" for key, text in shared.items())
    own = ",\n".join(f"    {_compact(line)}" for line in lines)
    return (
        f'{{\n  "schema": {_compact(BUNDLE)},\n  "of": {_compact(kinds.pop())},\n'
        f'  "shared": {{\n{common}\n  }},\n  "records": [\n{own}\n  ]\n}}\n'
    )


def read_bundle(kind: type[Record], text: str, source: str = "bundle") -> tuple[Record, ...]:
    """Return the records of a bundle, in its order.

    Raises:
        ArtifactError: no bundle, of another kind, or a record in it that is not one.
    """
    try:
        content = json.loads(text)
        if content["schema"] != BUNDLE:
            raise ValueError(f"schema {content['schema']!r}")
        of, shared, rests = content["of"], content["shared"], content["records"]
        wholes = [_unfolded(_merged(shared, rest)) for rest in rests]
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
        raise ArtifactError(
            f"{source}: expected a bundle of records ({BUNDLE}), found {error!r}; adopt the run "
            "again."
        ) from error
    return tuple(
        from_json(kind, json.dumps({"schema": of, **whole}), f"{source}, record {number}")
        for number, whole in enumerate(wholes, 1)
    )


def _merged(shared: Any, rest: Any) -> Any:
    if not (isinstance(shared, dict) and isinstance(rest, dict)):
        return rest
    both = {key: _merged(shared[key], rest[key]) for key in shared.keys() & rest.keys()}
    return {**shared, **rest, **both}


def _unfolded(value: Any) -> Any:
    if isinstance(value, list):
        return [_unfolded(item) for item in value]
    if not isinstance(value, dict):
        return value
    if value.keys() == {_LINES}:
        return "\n".join(value[_LINES][str(number)] for number in range(len(value[_LINES])))
    if value.keys() == {_COLUMNS}:
        columns = {key: _unfolded(column) for key, column in value[_COLUMNS].items()}
        rows = zip(*columns.values(), strict=True)
        return [dict(zip(columns, row, strict=True)) for row in rows]
    return {key: _unfolded(item) for key, item in value.items()}


def _compact(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
