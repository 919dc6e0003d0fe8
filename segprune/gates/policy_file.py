"""Read a policy from TOML, and name every line that cannot be one."""

from __future__ import annotations

import dataclasses
import tomllib
from collections.abc import Mapping
from numbers import Real
from pathlib import Path
from typing import Any, cast

from segprune.errors import InputError
from segprune.gates.policy import USUAL_FPS_SHARE, Budget, Policy, Tolerance
from segprune.records.speed import MemoryFormat
from segprune.speed.inputs import MEMORY_FORMATS, batch_size

__all__ = ["budget_from", "read_policy"]

_SCHEMA = "segprune.policy/1"
_LARGEST = 1e9
_SHARE = (1e-9, 1.0, "a share above 0 and up to 1")
_POINTS = (-100.0, 100.0, "points from -100 to 100")
_RANGES = {
    "macs": _SHARE, "params": _SHARE, "miou_ratio": (0.0, 1.0, "a share from 0 to 1"),
    "miou_loss": _POINTS, "class_loss": _POINTS, "speedup": (1e-9, _LARGEST, "a ratio above 0"),
}  # fmt: skip
_REQUIRED = ("miou_loss", "class_loss", "speedup")
_SECTIONS = {"schema", "budgets", "exceptions", "dense", "speed", "determinism", "fps", "reports"}


def read_policy(path: Path) -> Policy:
    """Read a policy.

    Raises:
        InputError: no such file, no TOML, or a line that is unknown, missing or no number.
    """
    content = _content(path)
    budgets = {
        name: budget_from(name, given, f"{path}: budgets.{name}")
        for name, given in _tables(path, content, "budgets").items()
    }
    if not budgets:
        raise InputError(
            f"{path}: expected a section [budgets.NAME] for each target, found none; add one with "
            "miou_loss, class_loss and speedup."
        )
    exceptions = _tables(path, content, "exceptions")
    for key, changes in exceptions.items():
        base = max((n for n in budgets if key.endswith(f"-{n}")), key=len, default=None)
        if base is None:
            expected = f"<data>-<network>-<budget> with one of the budgets {', '.join(budgets)}"
            raise _wrong(path, f"exceptions.{key}", expected, "none of them")
        budget_from(base, {**content["budgets"][base], **changes}, f"{path}: exceptions.{key}")
    speed = dict(_section(path, content, "speed"))
    memory_format = speed.pop("memory_format", "contiguous")
    if not isinstance(memory_format, str) or memory_format not in MEMORY_FORMATS:
        expected = f"one of {', '.join(MEMORY_FORMATS)}"
        raise _wrong(path, "speed.memory_format", expected, repr(memory_format))
    gate_share = speed.pop("gate_share", 1.0)
    fps = _section(path, content, "fps", {"least_share"})
    seeds = _section(path, content, "reports", {"headline_seeds"}).get("headline_seeds", 1)
    if type(seeds) is not int or seeds < 1:
        raise _wrong(path, "reports.headline_seeds", "a whole number from 1", repr(seeds))
    usual = dataclasses.asdict(Tolerance())
    tolerance = _section(path, content, "determinism", set(usual))
    for key, value in tolerance.items():
        if not _is_number(value):
            raise _wrong(path, f"determinism.{key}", "a number", repr(value))
    dense = _section(path, content, "dense")
    return Policy(
        budgets,
        exceptions,
        {data: _share(path, f"dense.{data}", least) for data, least in dense.items()},
        {data: _input(path, data, size) for data, size in speed.items()},
        seeds,
        cast("MemoryFormat", memory_format),
        Tolerance(**{**usual, **{key: float(value) for key, value in tolerance.items()}}),
        _share(path, "fps.least_share", fps.get("least_share", USUAL_FPS_SHARE)),
        _share(path, "speed.gate_share", gate_share),
    )


def _content(path: Path) -> dict[str, Any]:
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        reason = getattr(error, "strerror", None) or error
        raise InputError(
            f"{path}: expected a policy (TOML), found {reason}; give the path of one."
        ) from error
    unknown = ", ".join(sorted(content.keys() - _SECTIONS))
    if content.get("schema") != _SCHEMA or unknown:
        found = f"sections {unknown}" if unknown else f"schema {content.get('schema')!r}"
        raise InputError(
            f"{path}: expected schema {_SCHEMA!r} and sections {', '.join(sorted(_SECTIONS))}, "
            f"found {found}; correct the file."
        )
    return content


def _section(
    path: Path, content: Mapping[str, Any], name: str, known: set[str] | None = None
) -> Mapping[str, Any]:
    """Return a section, empty if it is left out; None as `known` allows any key."""
    section = content.get(name, {})
    if not isinstance(section, dict):
        raise _wrong(path, name, f"a section [{name}]", repr(section))
    if known is not None and section.keys() - known:
        unknown = ", ".join(sorted(section.keys() - known))
        raise _wrong(path, name, ", ".join(sorted(known)), unknown)
    return section


def _tables(path: Path, content: Mapping[str, Any], name: str) -> Mapping[str, Mapping[str, Any]]:
    """Return a section of which every entry is a section."""
    section = _section(path, content, name)
    for key in section:
        _section(path, {f"{name}.{key}": section[key]}, f"{name}.{key}")
    return section


def _share(path: Path, name: str, share: Any) -> float:
    if not _is_number(share) or not 0 < share <= 1:
        raise _wrong(path, name, "a number above 0 and up to 1", repr(share))
    return float(share)


def _input(path: Path, data: str, size: Any) -> tuple[int, ...]:
    found = batch_size(size)
    if found is None:
        raise _wrong(path, f"speed.{data}", "[N, C, H, W]", repr(size))
    return found


def _wrong(path: Path, name: str, expected: str, found: str) -> InputError:
    return InputError(f"{path}: {name}: expected {expected}, found {found}; correct the file.")


def budget_from(name: str, given: Mapping[str, Any], where: str) -> Budget:
    """Return a budget made of numbers by name, as a policy or a test's marker has them.

    Args:
        where: what to call them in errors.

    Raises:
        InputError: a key that is unknown or missing, a value that is no number or out of range.
    """
    unknown = sorted(map(str, given.keys() - _RANGES.keys()))
    if unknown:
        raise InputError(
            f"{where}: unknown key {', '.join(unknown)}; write {', '.join(_REQUIRED)}, and "
            f"perhaps {', '.join(sorted(_RANGES.keys() - set(_REQUIRED)))}."
        )
    missing = [key for key in _REQUIRED if key not in given]
    if missing:
        raise InputError(f"{where}: missing key {', '.join(missing)}; add a number for it.")
    for key, value in given.items():
        low, high, words = _RANGES[key]
        if not _is_number(value):
            raise InputError(f"{where}: {key} must be a number, found {value!r:.40}; correct it.")
        if not low <= value <= high:
            raise InputError(f"{where}: {key}: expected {words}, found {value}; correct it.")
    return Budget(name, **{key: float(value) for key, value in given.items()})


def _is_number(value: Any) -> bool:
    # NaN is below nothing; TOML has whole numbers beyond any float; numpy has numbers of its own.
    real = isinstance(value, Real) and not isinstance(value, bool)
    return real and bool(-_LARGEST <= value <= _LARGEST)
