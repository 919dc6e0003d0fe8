"""A recipe to begin with: the fields that most people set, and every other one as a comment."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from segprune.training.recipe import Recipe
from segprune.training.recipe_fields import Field, fields_of, sections, summary
from segprune.training.toml import toml_value

__all__ = ["new_recipe"]

_WIDTH = 96
_OPTIONAL = ("distillation", "pruning", "targets")
"""Sections that change what a recipe does by being there."""


def new_recipe(
    name: str,
    model: str = "bisenetv2",
    *,
    options: Mapping[str, Any] | None = None,
    dense: str | None = None,
    data: str = "streets",
    root: Path | None = None,
) -> str:
    """Return the text of a recipe, for `segprune recover` with a dense file, else for `train`.

    Args:
        name: of the run.
        model: a built-in network's name, or `package.module:factory`.
        options: of a built-in network, such as `{"width": 0.5}`.
        dense: the file of the dense network that is pruned and recovered.
        data: the name of a data set, as for `open_dataset`.
        root: its folder; in a relative path, from the folder in which the recipe is run.

    Example:
        >>> text = new_recipe("first", dense="dense.safetensors")
        >>> "[pruning]" in text and "# floor = 0.1" in text
        True
    """
    given = _values(name, model, options, dense, data, root)
    todo = "recover" if dense else "train"
    lines = [
        f"# A recipe for `segprune {todo}`. Paths are relative to the folder in which it is run.",
        "# `# name = value` shows a default: remove the # and change the value.",
        "# `# name: left out` has no default: write `name = value` to set it.",
        "",
        *_fields(fields_of(Recipe, sections=False), given[""]),
    ]
    for section, kind in sections():
        absent = section in _OPTIONAL and section not in given
        lines += ["", *_comment(summary(kind)), f"{'# ' if absent else ''}[{section}]", ""]
        lines += _fields(fields_of(kind), given.get(section, {}))
    return "\n".join(lines) + "\n"


def _values(
    name: str,
    model: str,
    options: Mapping[str, Any] | None,
    dense: str | None,
    data: str,
    root: Path | None,
) -> Mapping[str, Mapping[str, Any]]:
    """Return what is written without a #, section by section."""
    network: dict[str, Any] = {"model": model} | ({"options": dict(options)} if options else {})
    network |= {"init_from": dense} if dense else {}
    place = {"name": data} | ({"root": root.as_posix()} if root else {})
    training = {"epochs": 20, "learning_rate": 2e-3, "optimizer": "adamw"}
    given: dict[str, Mapping[str, Any]] = {
        "": {"name": name}, "network": network, "data": place, "training": training,
    }  # fmt: skip
    if dense:
        budget = {"budget": {"macs": 0.5}, "importance": "fisher", "cost_aware": True}
        given |= {"pruning": budget, "distillation": {}}
    return given


def _fields(fields: tuple[Field, ...], given: Mapping[str, Any]) -> Iterator[str]:
    for field in fields:
        about = field.description or field.name.replace("_", " ")
        yield from _comment(f"{about[0].upper()}{about[1:].rstrip('.')}.")
        yield from _comment(f"Type: {field.kind}")
        if field.name in given:
            yield f"{field.name} = {toml_value(given[field.name])}"
        elif field.default.startswith("`"):
            yield f"# {field.name} = {_as_toml(field.default.strip('`'))}"
        else:
            yield f"# {field.name}: {field.default}"
        yield ""


def _as_toml(default: str) -> str:
    """Return a default, written as JSON, as TOML has it."""
    return toml_value(json.loads(default))


def _comment(text: str) -> list[str]:
    plain = text.replace("`", "")
    return [f"# {line}" for line in textwrap.wrap(plain, _WIDTH - 2)]
