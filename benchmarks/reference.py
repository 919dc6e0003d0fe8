"""Reference pages: every field of a recipe and every option of the command line, from the code."""

from __future__ import annotations

import re
from collections.abc import Iterator
from enum import Enum
from typing import Any

import typer

from segprune.cli import app
from segprune.training.recipe import Recipe
from segprune.training.recipe_fields import Field, fields_of, sections, summary

__all__ = ["Field", "command_reference", "fields_of", "recipe_reference"]


def recipe_reference() -> str:
    """Return one table for the top of a recipe, and one for each section."""
    lines = ["### The top of the file", "", *_table(fields_of(Recipe, sections=False)), ""]
    for name, section in sections():
        optional = "" if Recipe.model_fields[name].is_required() else ", may be left out"
        lines += [f"### `[{name}]`", "", f"{summary(section)} (A section{optional}.)", ""]
        lines += [*_table(fields_of(section)), ""]
    return "\n".join(lines).rstrip()


def _table(fields: tuple[Field, ...]) -> list[str]:
    rows = ["| field | type | default | meaning |", "| --- | --- | --- | --- |"]
    for field in fields:
        cells = (f"`{field.name}`", field.kind, field.default, field.description)
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
