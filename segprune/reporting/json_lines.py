"""Many small records in one file: what most share stands once, and each has a line of its own.

Hundreds of cells repeat recipe, layers and environment; a file each would be megabytes that nobody
reads. Here a line of a diff is a record, and a change that concerns all of them is one line too.
Nothing is lost: `read_bundle` gives the very records back.

    {"schema": "segprune.bundle/1", "of": "segprune.cell/1",
     "shared": {what most records have alike}, "records": [in what each differs, …]}

Within, a list of like objects is written as columns (`{"@columns": {"kept": [8, 5], …}}`) and a
text of several lines by line (`{"@lines": {"0": …}}`), so that their common part is shared as well.
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
_ABSENT = object()


def write_bundle(records: Sequence[Any]) -> str:
    """The text of a bundle.

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
    shared, rests = _split([_folded(content) for content in contents])
    if shared is _ABSENT:
        shared = {}
    # A single record shares all of itself; its line is then empty.
    lines = ",\n".join(f"    {_compact({} if rest is _ABSENT else rest)}" for rest in rests)
    return (
        f'{{\n  "schema": {_compact(SCHEMA)},\n  "of": {_compact(kinds.pop())},\n'
        f'  "shared": {_tree(shared, "  ")},\n  "records": [\n{lines}\n  ]\n}}\n'
    )


def read_bundle(kind: type[Record], text: str, source: str = "bundle") -> tuple[Record, ...]:
    """The records of a bundle, in its order.

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


# -- what is shared --------------------------------------------------------------------------------


def _split(values: Sequence[Any]) -> tuple[Any, list[Any]]:
    """What most values have alike, and in what each differs; `_ABSENT` where that is nothing.

    Most, not all: one record that differs must not make every other line longer.
    """
    texts = [_compact(value) for value in values]  # as text 1, 1.0 and true are not alike
    commonest, count = Counter(texts).most_common(1)[0]
    if count == len(values):
        return values[0], [_ABSENT] * len(values)
    objects = [value for value in values if isinstance(value, dict)]
    if 2 * len(objects) > len(values):
        shared, rests = _split_objects(objects)
        own = iter(rests)
        return shared, [next(own) if isinstance(value, dict) else value for value in values]
    if 2 * count > len(values):
        differing = [
            _ABSENT if text == commonest else v for v, text in zip(values, texts, strict=True)
        ]
        return values[texts.index(commonest)], differing
    return _ABSENT, list(values)


def _split_objects(objects: Sequence[dict[str, Any]]) -> tuple[Any, list[Any]]:
    """Field by field; a field that one of them lacks is not shared, for a line cannot take away."""
    shared: dict[str, Any] = {}
    rests: list[dict[str, Any]] = [{} for _ in objects]
    for key in dict.fromkeys(key for value in objects for key in value):
        common, own = _ABSENT, [value.get(key, _ABSENT) for value in objects]
        if _ABSENT not in own:
            common, own = _split(own)
        if common is not _ABSENT:
            shared[key] = common
        for rest, item in zip(rests, own, strict=True):
            if item is not _ABSENT:
                rest[key] = item
    if not shared:
        return _ABSENT, rests
    return shared, [rest or _ABSENT for rest in rests]


def _merged(shared: Any, rest: Any) -> Any:
    if not (isinstance(shared, dict) and isinstance(rest, dict)):
        return rest
    both = {key: _merged(shared[key], rest[key]) for key in shared.keys() & rest.keys()}
    return {**shared, **rest, **both}


def _folded(value: Any) -> Any:
    """Lists of like objects as columns, and texts of several lines by line."""
    if isinstance(value, str) and "\n" in value:
        return {_LINES: {str(n): line for n, line in enumerate(value.split("\n"))}}
    if isinstance(value, dict):
        return {key: _folded(item) for key, item in value.items()}
    if isinstance(value, list):
        if value and all(
            isinstance(item, dict) and item.keys() == value[0].keys() for item in value
        ):
            return {_COLUMNS: {key: [_folded(item[key]) for item in value] for key in value[0]}}
        return [_folded(item) for item in value]
    return value


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


# -- text ------------------------------------------------------------------------------------------


def _tree(value: Any, indent: str) -> str:
    """Objects over several lines, everything else on one."""
    if not isinstance(value, dict) or not value:
        return _compact(value)
    inner = indent + "  "
    items = (f"{inner}{_compact(key)}: {_tree(item, inner)}" for key, item in value.items())
    return "{\n" + ",\n".join(items) + f"\n{indent}}}"


def _compact(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False)
