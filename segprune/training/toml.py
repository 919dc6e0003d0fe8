"""Typed TOML: files read with single values replaced, mistakes in words, and sections written."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from segprune.errors import InputError

__all__ = ["explain", "read_toml", "to_toml", "toml_value"]


def read_toml(path: Path, overrides: Sequence[str] = ()) -> dict[str, Any]:
    """Read the plain values in a file.

    Args:
        overrides: such as `training.epochs=3`; the value is TOML, or a bare word.

    Raises:
        InputError: no such file, no TOML, or an override of another form.
    """
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(
            f"{path}: expected a recipe (TOML), found {error.strerror or error}; check the path."
        ) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(
            f"{path}: expected TOML, found {error}; sections are [network], [data], [training] …"
        ) from error
    for override in overrides:
        _replace(content, override)
    return content


def to_toml(section: BaseModel) -> str:
    """Write all values, defaults too; `read_toml` reads them back."""
    content = section.model_dump(mode="json", exclude_none=True)
    sections = {key: value for key, value in content.items() if isinstance(value, dict)}
    lines = [
        f"{key} = {toml_value(value)}" for key, value in content.items() if key not in sections
    ]
    for name, values in sections.items():
        lines += ["", f"[{name}]"]
        lines += [f"{key} = {toml_value(value)}" for key, value in values.items()]
    return "\n".join(lines) + "\n"


def toml_value(value: Any) -> str:
    """Return a plain value as TOML has it, on one line."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{toml_value(k)} = {toml_value(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(toml_value(item) for item in value) + "]"
    # Numbers, true, false and basic strings are the same in both, but for two signs: TOML has no
    # pairs of surrogates, and wants DEL escaped.
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def explain(error: ValidationError) -> str:
    """Describe all mistakes in a recipe, in one sentence a field."""
    parts = []
    for problem in error.errors():
        where = ".".join(str(part) for part in problem["loc"]) or "(all)"
        reason = problem["msg"].removeprefix("Value error, ").removesuffix(".")
        if problem["type"] == "extra_forbidden":
            parts.append(f"{where}: expected a known field, found an unknown one")
        elif problem["type"] == "missing":
            parts.append(f"{where}: expected a value, found none")
        else:
            found = json.dumps(problem["input"], default=str)
            already = "" if ", found " in reason else f", found {found[:60]}"
            own = where.rpartition(".")[2]
            named = reason.startswith((f"{own}:", f"{own}["))  # the reason has the field's name
            start = where.removesuffix(own) if named else f"{where}: "
            parts.append(f"{start}{reason[0].lower()}{reason[1:]}{already}")
    return "; ".join(parts) + ". Correct the recipe."


def _replace(content: dict[str, Any], override: str) -> None:
    name, equals, value = override.partition("=")
    if not equals or not all(name.split(".")):
        raise InputError(
            f"--set: expected SECTION.FIELD=VALUE, found {override!r}; for example "
            "--set training.epochs=3."
        )
    *sections, field = name.strip().split(".")
    for section in sections:
        below = content.setdefault(section, {})
        if not isinstance(below, dict):
            raise InputError(f"--set: expected a section {section}, found a value in {override!r}.")
        content = below
    try:
        content[field] = tomllib.loads(f"value = {value.strip()}")["value"]
    except tomllib.TOMLDecodeError:
        content[field] = value.strip()
