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
            f"{path}: expected a section [budgets.NAME] for each promise, found none; add one with "
            "miou_loss, class_loss and speedup."
        )
    exceptions = _tables(path, content, "exceptions")
    for key, changes in exceptions.items():
        base = max((n for n in budgets if key.endswith(f"-{n}")), key=len, default=None)
        if base is None:
            raise InputError(
                f"{path}: exceptions.{key}: expected <data>-<network>-<budget> with one of the "
                f"budgets {', '.join(budgets)}, found none of them; correct the name."
            )
        merged = {**content["budgets"][base], **changes}
        budget_from(base, merged, f"{path}: exceptions.{key}")
    speed = dict(_section(path, content, "speed"))
    memory_format = speed.pop("memory_format", "contiguous")
    if not isinstance(memory_format, str) or memory_format not in MEMORY_FORMATS:
        raise InputError(
            f"{path}: speed.memory_format: expected one of {', '.join(MEMORY_FORMATS)}, found "
            f"{memory_format!r}; correct the file."
        )
    speedup_share = _share(path, "speed.gate_share", speed.pop("gate_share", 1.0))
    fps = _section(path, content, "fps")
    _known(path, "fps", fps, {"least_share"})
    reports = _section(path, content, "reports")
    _known(path, "reports", reports, {"headline_seeds"})
    seeds = reports.get("headline_seeds", 1)
    if type(seeds) is not int or seeds < 1:
        raise InputError(
            f"{path}: reports.headline_seeds: expected a whole number from 1, found {seeds!r}; "
            "correct the file."
        )
    return Policy(
        budgets,
        exceptions,
        {
            data: _share(path, f"dense.{data}", least)
            for data, least in _section(path, content, "dense").items()
        },
        {data: _input(path, data, size) for data, size in speed.items()},
        seeds,
        cast("MemoryFormat", memory_format),
        _tolerance(path, _section(path, content, "determinism")),
        _share(path, "fps.least_share", fps.get("least_share", USUAL_FPS_SHARE)),
        speedup_share,
    )


def _content(path: Path) -> dict[str, Any]:
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        reason = getattr(error, "strerror", None) or error
        raise InputError(
            f"{path}: expected a policy (TOML), found {reason}; give the path of one."
        ) from error
    if content.get("schema") != _SCHEMA or content.keys() - _SECTIONS:
        unknown = ", ".join(sorted(content.keys() - _SECTIONS))
        found = f"sections {unknown}" if unknown else f"schema {content.get('schema')!r}"
        raise InputError(
            f"{path}: expected schema {_SCHEMA!r} and sections {', '.join(sorted(_SECTIONS))}, "
            f"found {found}; correct the file."
        )
    return content


def _section(path: Path, content: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    section = content.get(name, {})
    if not isinstance(section, dict):
        raise InputError(
            f"{path}: {name}: expected a section [{name}], found {section!r}; correct the file."
        )
    return section


def _tables(path: Path, content: Mapping[str, Any], name: str) -> Mapping[str, Mapping[str, Any]]:
    """A section of which every entry is a section."""
    section = _section(path, content, name)
    for key in section:
        _section(path, {f"{name}.{key}": section[key]}, f"{name}.{key}")
    return section


def _known(path: Path, name: str, section: Mapping[str, Any], known: set[str]) -> None:
    if section.keys() - known:
        raise InputError(
            f"{path}: {name}: expected {', '.join(sorted(known))}, found "
            f"{', '.join(sorted(section.keys() - known))}; correct the file."
        )


def _tolerance(path: Path, given: Mapping[str, Any]) -> Tolerance:
    usual = dataclasses.asdict(Tolerance())
    wrong = [key for key, value in given.items() if key not in usual or not _is_number(value)]
    if wrong:
        raise InputError(
            f"{path}: determinism: expected numbers for {', '.join(usual)}, found "
            f"{', '.join(wrong)} unknown or no number; correct the file."
        )
    return Tolerance(**{**usual, **{key: float(value) for key, value in given.items()}})


def _share(path: Path, name: str, share: Any) -> float:
    if not _is_number(share) or not 0 < share <= 1:
        raise InputError(
            f"{path}: {name}: expected a number above 0 and up to 1, found {share!r}; correct the "
            "file."
        )
    return float(share)


def _input(path: Path, data: str, size: Any) -> tuple[int, ...]:
    found = batch_size(size)
    if found is None:
        raise InputError(
            f"{path}: speed.{data}: expected [N, C, H, W], found {size!r}; correct the file."
        )
    return found


def budget_from(name: str, given: Mapping[str, Any], where: str) -> Budget:
    """A budget out of numbers by name, as a policy or a test's marker has them.

    Args:
        where: what to call them in errors.

    Raises:
        InputError: a number that is unknown, missing or none.
    """
    known = {field.name for field in dataclasses.fields(Budget)} - {"name"}
    needed = {"miou_loss", "class_loss", "speedup"}
    wrong = [key for key, value in given.items() if not _is_number(value)]
    if given.keys() - known or needed - given.keys() or wrong:
        problem = sorted(map(str, {*(given.keys() - known), *(needed - given.keys()), *wrong}))
        others = ", ".join(sorted(known - needed))
        raise InputError(
            f"{where}: expected numbers for {', '.join(sorted(needed))}, and perhaps {others}, "
            f"found {', '.join(problem)} unknown, missing or no number; correct them."
        )
    for key, value in given.items():
        low, high, words = _RANGES[key]
        if not low <= value <= high:
            raise InputError(f"{where}: {key}: expected {words}, found {value}; correct it.")
    return Budget(name, **{key: float(value) for key, value in given.items()})


def _is_number(value: Any) -> bool:
    # NaN is below nothing; TOML has whole numbers beyond any float; numpy has numbers of its own.
    real = isinstance(value, Real) and not isinstance(value, bool)
    return real and bool(-_LARGEST <= value <= _LARGEST)
