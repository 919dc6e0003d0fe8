"""Reference pages: every field of a recipe and every option of the command line, from the code."""

from __future__ import annotations

import dataclasses
import inspect
import json
import re
import types
import typing
from collections.abc import Iterator
from enum import Enum
from pathlib import Path
from typing import Any

import typer
from pydantic import BaseModel
from pydantic_core import PydanticUndefined

from segprune.cli import app
from segprune.data.augmentation import Augmentation
from segprune.training.input_sections import AugmentationSection
from segprune.training.recipe import Recipe

__all__ = ["Field", "command_reference", "fields_of", "recipe_reference"]

_DESCRIBED_BY = {AugmentationSection: Augmentation}
"""Sections whose fields another class describes."""

_TYPES = {bool: "true or false", int: "whole number", float: "number", str: "text", Path: "path"}
_LIMITS = {"ge": "at least", "gt": "above", "le": "at most", "lt": "below"}


@dataclasses.dataclass(frozen=True)
class Field:
    """One field of a section: its name, type, default and description, as a page shows them."""

    name: str
    type: str
    default: str
    description: str


def recipe_reference() -> str:
    """Return one table for the top of a recipe, and one for each section."""
    lines = ["### The top of the file", "", *_table(fields_of(Recipe, sections=False)), ""]
    for name, section in _sections():
        optional = "" if Recipe.model_fields[name].is_required() else ", may be left out"
        lines += [f"### `[{name}]`", "", f"{_summary(section)} (A section{optional}.)", ""]
        lines += [*_table(fields_of(section)), ""]
    return "\n".join(lines).rstrip()


def fields_of(section: type[Any], *, sections: bool = True) -> tuple[Field, ...]:
    """Return the fields of a section; without those that are sections themselves if asked."""
    described = _attributes(_DESCRIBED_BY.get(section, section))
    return tuple(
        Field(name, kind, default, described.get(name, ""))
        for name, annotation, metadata, value in _raw_fields(section)
        if sections or _section_in(annotation) is None
        for kind, default in [(_limited(_type(annotation), metadata, annotation), _default(value))]
    )


def _sections() -> Iterator[tuple[str, type[Any]]]:
    for name, field in Recipe.model_fields.items():
        section = _section_in(field.annotation)
        if section is not None:
            yield name, section


def _section_in(annotation: Any) -> type[Any] | None:
    """Return the section that an annotation holds, also beside None."""
    for part in (annotation, *typing.get_args(annotation)):
        plain = isinstance(part, type) and not typing.get_args(part)
        if plain and (issubclass(part, BaseModel) or dataclasses.is_dataclass(part)):
            return part
    return None


def _raw_fields(section: type[Any]) -> Iterator[tuple[str, Any, Any, Any]]:
    """Yield name, annotation, constraints and default; the default is `...` where there is none."""
    if issubclass(section, BaseModel):
        for name, field in section.model_fields.items():
            value = field.get_default(call_default_factory=True)
            missing = field.is_required() or value is PydanticUndefined
            yield name, field.annotation, field.metadata, ... if missing else value
        return
    hints = typing.get_type_hints(section)
    for part in dataclasses.fields(section):
        made = part.default_factory
        value = part.default if made is dataclasses.MISSING else made()
        yield part.name, hints[part.name], (), ... if value is dataclasses.MISSING else value


def _type(annotation: Any) -> str:
    """Describe a type as one writes it in TOML."""
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is typing.Annotated:
        return _type(arguments[0])
    if origin in (types.UnionType, typing.Union):
        return " or ".join(_type(part) for part in arguments if part is not type(None))
    if origin is typing.Literal:
        return ", ".join(f"`{json.dumps(value)}`" for value in arguments)
    if origin in (tuple, list):
        inner = [part for part in arguments if part is not ...]
        if ... in arguments or origin is list:
            return f"list: {_type(inner[0])}"
        return f"list of {len(inner)}: {_type(inner[0])}"
    if isinstance(origin, type) and issubclass(origin, typing.cast(Any, typing.Mapping).__origin__):
        return f"table: {_type(arguments[0])} = {_type(arguments[1])}"
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        return ", ".join(f"`{member.value}`" for member in annotation)
    return _TYPES.get(annotation, getattr(annotation, "__name__", str(annotation)))


def _limited(kind: str, metadata: Any, annotation: Any) -> str:
    inner = typing.get_args(annotation)[:1]
    nested = inner and typing.get_origin(inner[0]) is typing.Annotated
    constraints = [*metadata, *(typing.get_args(inner[0])[1:] if nested else ())]
    flat = [part for item in constraints for part in getattr(item, "metadata", None) or [item]]
    limits = [
        f"{word} {_number(getattr(item, attribute))}"
        for item in flat
        for attribute, word in _LIMITS.items()
        if getattr(item, attribute, None) is not None
    ]
    return ", ".join([kind, *dict.fromkeys(limits)])


def _number(value: float) -> str:
    return f"{value:g}" if isinstance(value, float) else f"{value:,}".replace(",", " ")


def _default(value: Any) -> str:
    if value is ...:
        return "required"
    if value is None:
        return "left out"
    if isinstance(value, (tuple, list)):
        return f"`{json.dumps(list(value))}`"
    return f"`{json.dumps(value.value if isinstance(value, Enum) else value)}`"


def _summary(section: type[Any]) -> str:
    return " ".join(inspect.cleandoc(section.__doc__ or "").split("\n\n")[0].split())


def _attributes(described: type[Any]) -> dict[str, str]:
    """Read the entries below `Attributes:` or `Args:`; an entry may name several fields."""
    text = inspect.cleandoc(described.__doc__ or "")
    block = re.search(r"^(?:Attributes|Args):\n((?:[ ]{4}.*\n?|\n)*)", text, flags=re.M)
    entries = re.split(r"\n(?=[ ]{4}\S)", (block[1] if block else "").rstrip())
    found: dict[str, str] = {}
    for entry in entries:
        # Two fields on one line are parted by a semicolon: "name: …; `root`: …".
        for part in re.split(r";\s+(?=`\w+`:)", entry.strip()):
            names, _, meaning = part.partition(":")
            for name in names.split(","):
                found[name.strip(" `")] = " ".join(meaning.split())
    return found


def _table(fields: tuple[Field, ...]) -> list[str]:
    rows = ["| field | type | default | meaning |", "| --- | --- | --- | --- |"]
    for field in fields:
        cells = (f"`{field.name}`", field.type, field.default, field.description)
        rows.append(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |")
    return rows


# -- the command line ------------------------------------------------------------------------------


def command_reference() -> str:
    """Return every command with its help, its arguments and its options."""
    group: Any = typer.main.get_command(app)
    lines: list[str] = []
    for name, command in _commands(group, "segprune"):
        about, _, examples = _plain(command.help).partition("**Examples**")
        lines += [f"## {name}", "", about.strip(), ""]
        if examples.strip():
            shown = [re.sub(r"`([^`]*)`", r"\1", line.strip()) for line in examples.splitlines()]
            lines += ["```text", *(line for line in shown if line), "```", ""]
        shown_parameters = [part for part in command.params if not part.hidden]
        rows = [_parameter(part) for part in shown_parameters if part.name != "help"]
        if rows:
            lines += ["| | default | meaning |", "| --- | --- | --- |", *rows, ""]
    return "\n".join(lines).rstrip()


def _commands(group: Any, prefix: str) -> Iterator[tuple[str, Any]]:
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from _commands(command, f"{prefix} {name}")
        else:
            yield f"{prefix} {name}", command


def _parameter(part: Any) -> str:
    is_option = any(name.startswith("-") for name in part.opts)
    names = [*part.opts, *part.secondary_opts] if is_option else [part.metavar or part.name.upper()]
    value = f" {part.metavar}" if is_option and part.metavar else ""
    label = ", ".join(f"`{name}{value}`" for name in names)
    cells = (label, _shown_default(part), _plain(part.help or ""))
    return f"| {' | '.join(' '.join(cell.split()).replace('|', chr(92) + '|') for cell in cells)} |"


def _shown_default(part: Any) -> str:
    if isinstance(part.show_default, str):
        return part.show_default
    if part.required:
        return "required"
    if part.default is None or part.default == () or part.default == []:
        return "none"
    if isinstance(part.default, bool):
        return "yes" if part.default else "no"
    return f"`{part.default.value if isinstance(part.default, Enum) else part.default}`"


def _plain(text: str) -> str:
    """Turn the markup of the terminal into Markdown."""
    text = re.sub(r"\[cyan\](.*?)\[/cyan\]", r"`\1`", text or "", flags=re.S)
    return re.sub(r"\[bold\](.*?)\[/bold\]", r"**\1**", text, flags=re.S)
