"""Every field of a recipe with its type, default and meaning, read from the sections themselves."""

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

from pydantic import BaseModel
from pydantic_core import PydanticUndefined

from segprune.data.augmentation import Augmentation
from segprune.training.input_sections import AugmentationSection
from segprune.training.recipe import Recipe

__all__ = ["Field", "fields_of", "sections", "summary"]

_DESCRIBED_BY: dict[type[Any], type[Any]] = {AugmentationSection: Augmentation}
"""Sections whose fields another class describes."""

_TYPES = {bool: "true or false", int: "whole number", float: "number", str: "text", Path: "path"}
_LIMITS = {"ge": "at least", "gt": "above", "le": "at most", "lt": "below"}


@dataclasses.dataclass(frozen=True)
class Field:
    """One field of a section, as a page shows it."""

    name: str
    kind: str
    default: str
    description: str


def fields_of(section: type[Any], *, sections: bool = True) -> tuple[Field, ...]:
    """Return the fields of a section; without those that are sections themselves if asked."""
    described = _attributes(_DESCRIBED_BY.get(section, section))
    return tuple(
        Field(name, kind, default, described.get(name, ""))
        for name, annotation, metadata, value in _raw_fields(section)
        if sections or _section_in(annotation) is None
        for kind, default in [(_limited(_type(annotation), metadata, annotation), _default(value))]
    )


def sections() -> Iterator[tuple[str, type[Any]]]:
    """Yield each section of a recipe with its name."""
    for name, field in Recipe.model_fields.items():
        section = _section_in(field.annotation)
        if section is not None:
            yield name, section


def _section_in(annotation: Any) -> type[Any] | None:
    """Return the section that an annotation holds, also beside None."""
    for part in (annotation, *typing.get_args(annotation)):
        if isinstance(part, type) and not typing.get_args(part):
            kind: type[Any] = part
            if issubclass(kind, BaseModel) or dataclasses.is_dataclass(kind):
                return kind
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


def summary(section: type[Any]) -> str:
    """Return the first paragraph of what a section says of itself."""
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
