"""Files that appear whole or not at all, and JSON records that say which schema they follow.

A record is a frozen dataclass with a class attribute `SCHEMA`, made of numbers, strings, tuples,
string-keyed mappings, and further frozen dataclasses. Loading is strict: it refuses, it does not
guess. Only a field that came `later` may be missing, because files of earlier versions lack it.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import secrets
import shutil
import stat
import types
import typing
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

from segprune.core.strict_json import parse_json
from segprune.errors import ArtifactError

__all__ = [
    "LATER", "beside", "from_json", "new_file", "new_folder", "read_record", "to_json",
    "write_atomic", "write_record", "written",
]  # fmt: skip

Record = TypeVar("Record")

LATER: Mapping[str, bool] = types.MappingProxyType({"later": True})
"""Metadata of a field that was added to a kind of record when files of its schema existed.

Those files are read with the field's default. A record that has the default is written without the
field, so that its text and its digest stay the same.
"""

_WRITTEN: dict[Path, None] = {}

_KINDS = {stat.S_IFDIR: "folder", stat.S_IFIFO: "pipe", stat.S_IFSOCK: "socket"}
_LARGEST = 2.0**63  # of counts and measurements; above all that was ever counted


# -- files -----------------------------------------------------------------------------------------


def write_atomic(path: Path, data: str | bytes) -> None:
    """Write a file next to its place, then move it there; errors as for `new_file`."""
    with new_file(path) as temporary, open(temporary, "xb") as stream:
        stream.write(data.encode() if isinstance(data, str) else data)
        stream.flush()
        os.fsync(stream.fileno())


@contextlib.contextmanager
def new_file(path: Path) -> Iterator[Path]:
    """A name to write to that becomes the final one only when the block ends without an error.

    A link stays, and the file that it leads to is replaced. A file that is replaced keeps its mode.

    Raises:
        ArtifactError: the file cannot be written, or a folder, a pipe or a device is in its place;
            whatever was there before is untouched.
    """
    temporary = path
    try:
        path = Path(os.path.realpath(path)) if path.is_symlink() else path
        before = path.stat() if path.exists() else None
        if before is not None and not stat.S_ISREG(before.st_mode):
            kind = _KINDS.get(stat.S_IFMT(before.st_mode), "device")
            raise OSError(f"a {kind}, which a file must not replace")
        temporary = beside(path)  # not tempfile.mkstemp, whose files their owner alone may read
        yield temporary
        if before is not None:
            os.chmod(temporary, stat.S_IMODE(before.st_mode))
        os.replace(temporary, path)
        _WRITTEN[path] = None
    except (OSError, ValueError) as error:  # ValueError: no name at all, or a NUL in it
        raise ArtifactError(
            f"{path}: expected a file that can be written, found "
            f"{getattr(error, 'strerror', None) or error}; "
            "choose a folder that exists, with room and permission."
        ) from error
    finally:
        # A folder that cannot be written, or a name that is none, must not hide why.
        with contextlib.suppress(OSError, ValueError):
            if temporary != path:
                temporary.unlink(missing_ok=True)


def written(*, since_now: bool = False) -> tuple[Path, ...]:
    """Files and folders that this process has put in their place and that are still there.

    Messages of interrupted and failed commands name these paths.

    Args:
        since_now: forget what was written so far, as a command does when it begins.
    """
    if since_now:
        _WRITTEN.clear()
    return tuple(path for path in _WRITTEN if path.exists())


@contextlib.contextmanager
def new_folder(path: Path, *, replace: bool = False) -> Iterator[Path]:
    """A folder to fill that takes its final name only when the block ends without an error.

    Args:
        path: the final name; its parents are made.
        replace: take the place of a folder that is there already, instead of refusing.

    Raises:
        ArtifactError: something is there already, or the folder cannot be made.
    """
    if path.exists() and not replace:
        raise ArtifactError(
            f"{path}: expected a name that is free, found results there already; choose another "
            "name, or say that they are to be replaced."
        )
    staging = beside(path)
    try:
        with _or_cannot_make(path):
            staging.mkdir(parents=True)
        yield staging
        with _or_cannot_make(path):
            _move_folder(staging, path, replace)
            _WRITTEN[path] = None
    finally:
        shutil.rmtree(staging, ignore_errors=True)


@contextlib.contextmanager
def _or_cannot_make(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise ArtifactError(
            f"{path}: expected a folder that can be made, found {error.strerror or error}; "
            "choose another place for the results."
        ) from error


def _move_folder(staging: Path, path: Path, replace: bool) -> None:
    if not replace or not path.exists():
        os.rename(staging, path)  # refuses a folder that has come to be there in the meantime
        return
    old = beside(path)
    os.rename(path, old)
    try:
        os.rename(staging, path)
    except BaseException:
        os.rename(old, path)
        raise
    shutil.rmtree(old, ignore_errors=True)


def beside(path: Path) -> Path:
    """A name in the same folder, hence on the same disk, that no glob for results finds."""
    return path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")


# -- records ---------------------------------------------------------------------------------------


def to_json(record: Any) -> str:
    """A record as indented JSON, its schema first.

    Raises:
        ArtifactError: a number in it is NaN or infinite, which JSON does not have.
    """
    content = {"schema": record.SCHEMA, **_plain(record)}
    try:
        return json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    except ValueError as error:
        raise ArtifactError(
            f"{type(record).__name__}: expected finite numbers, found {error}; "
            "a record of such a measurement would mean nothing."
        ) from error


def from_json(kind: type[Record], text: str, source: str = "record") -> Record:
    """Read a record of a known kind back.

    Args:
        source: what to call the text in errors, such as a file's path.

    Raises:
        ArtifactError: not JSON, another schema, or a field that is missing, unknown or of another
            type; the field is named.
    """
    try:
        content = parse_json(text, nan=True)  # NaN is refused with its field's name
    except ValueError as error:
        raise ArtifactError(
            f"{source}: expected a JSON object, found {error}; it is damaged or of another kind."
        ) from error
    schema: str = kind.SCHEMA  # type: ignore[attr-defined]
    found = content.pop("schema", None) if isinstance(content, dict) else None
    if found != schema:
        raise ArtifactError(
            f"{source}: expected schema {schema!r}, found {found!r}; it was written by another "
            "command or version. Make it again with this one."
        )
    return typing.cast("Record", _decode(kind, content, source, ""))


def write_record(path: Path, record: Any) -> None:
    """Write a record atomically; errors as for `to_json` and `write_atomic`."""
    write_atomic(path, to_json(record))


def read_record(kind: type[Record], path: Path) -> Record:
    """Read a record; errors as for `from_json`, and ArtifactError where the file cannot be read."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "bytes that are no text"
        raise ArtifactError(
            f"{path}: expected a JSON record, found {reason}; pass a record.json of a run."
        ) from error
    return from_json(kind, text, str(path))


def _plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {
            field.name: _plain(found)
            for field in dataclasses.fields(value)
            if (found := getattr(value, field.name)) != _default(field) or field.metadata != LATER
        }
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (tuple, list)):
        return [_plain(item) for item in value]
    return value


def _default(field: dataclasses.Field[Any]) -> Any:
    made = field.default_factory
    return field.default if made is dataclasses.MISSING else made()


def _decode(kind: Any, value: Any, source: str, where: str) -> Any:
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin in (types.UnionType, typing.Union):
        if value is None and type(None) in arguments:
            return None
        kind = next(option for option in arguments if option is not type(None))
        return _decode(kind, value, source, where)
    if dataclasses.is_dataclass(kind) and isinstance(value, dict):
        return _decode_fields(kind, value, source, where)
    if origin is tuple and isinstance(value, list):
        of = arguments[0]
        return tuple(_decode(of, item, source, f"{where}[{n}]") for n, item in enumerate(value))
    if origin is typing.Literal:
        if value in arguments:
            return value
        raise _wrong(source, where, f"one of {', '.join(map(str, arguments))}", repr(value))
    if origin is not None and issubclass(origin, Mapping) and isinstance(value, dict):
        return {key: _decode(arguments[1], v, source, f"{where}.{key}") for key, v in value.items()}
    if type(value) in (int, float) and kind in (int, float) and not abs(value) < _LARGEST:
        raise _wrong(source, where, "a finite number", str(value)[:20])
    if kind is float and type(value) is int:
        return float(value)
    if isinstance(kind, type) and type(value) is kind:
        return value
    name = getattr(kind, "__name__", str(kind))
    raise _wrong(source, where, name, f"{type(value).__name__} {str(value)[:40]!r}")


def _decode_fields(kind: Any, value: dict[str, Any], source: str, where: str) -> Any:
    hints = typing.get_type_hints(kind)
    fields = dataclasses.fields(kind)
    names = [field.name for field in fields]
    prefix = f"{where}." if where else ""
    for field in fields:
        if field.name not in value and field.metadata != LATER:
            raise _wrong(source, prefix + field.name, "a value", "none")
    for name in value:
        if name not in names:
            raise _wrong(source, prefix + name, f"one of {', '.join(names)}", "an unknown field")
    return kind(
        **{
            name: _decode(hints[name], found, source, prefix + name)
            for name, found in value.items()
        }
    )


def _wrong(source: str, where: str, expected: str, found: str) -> ArtifactError:
    return ArtifactError(
        f"{source}: field {where or '(all)'}: expected {expected}, found {found}; "
        "the record was changed or written by another version. Make it again."
    )
