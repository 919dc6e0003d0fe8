"""Many small records in one JSON file, a line each; what most of them share stands once.

    {"schema": "segprune.bundle/1", "of": "segprune.cell/1",
     "shared": {fields that most records have alike}, "records": [the other fields of each, …]}

A line of a difference is a record, and nothing is lost: `read_bundle` returns the very records.
Files of earlier versions share parts of fields, too: lists of objects as columns
(`{"@columns": {"kept": [8, 5]}}`) and texts by line (`{"@lines": {"0": …}}`).
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from typing import Any, TypeVar

from segprune.errors import ArtifactError
from segprune.records.io import from_json, to_json

__all__ = ["SCHEMA", "read_bundle", "write_bundle"]

SCHEMA = "segprune.bundle/1"

Record = TypeVar("Record")

_COLUMNS, _LINES = "@columns", "@lines"


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
        f'{{\n  "schema": {_compact(SCHEMA)},\n  "of": {_compact(kinds.pop())},\n'
        f'  "shared": {{\n{common}\n  }},\n  "records": [\n{own}\n  ]\n}}\n'
    )


def read_bundle(kind: type[Record], text: str, source: str = "bundle") -> tuple[Record, ...]:
    """Return the records of a bundle, in its order.

    Raises:
        ArtifactError: no bundle, of another kind, or a record in it that is not one.
    """
    try:
        content = json.loads(text)
        if content["schema"] != SCHEMA:
            raise ValueError(f"schema {content['schema']!r}")
        of, shared, rests = content["of"], content["shared"], content["records"]
        wholes = [_unfolded(_merged(shared, rest)) for rest in rests]
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
        raise ArtifactError(
            f"{source}: expected a bundle of records ({SCHEMA}), found {error!r}; adopt the run "
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
