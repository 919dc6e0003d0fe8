"""Commands and groups of commands: help that the terminal folds, and old spellings of options."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from typing import Any

import typer
from typer.core import TyperCommand

from segprune.cli.errors import warnings_as_notes
from segprune.errors import warn_renamed

__all__ = ["add", "new_group", "unfolded"]

_RENAMED = {
    "--classes": "--num-classes",
    "--ignore": "--ignored-layers",
    "--measure": "--speed",
    "--no-measure": "--no-speed",
}
"""Old spellings of options, with the new ones."""


def new_group(name: str, about: str) -> typer.Typer:
    """Return a group of commands, also if it has only one."""
    group = typer.Typer(name=name, no_args_is_help=True, rich_markup_mode="rich")
    group.callback(help=about)(lambda: None)
    return group


def add(
    group: typer.Typer,
    command: Callable[..., None],
    name: str | None = None,
    *,
    needs_arguments: bool = True,
) -> None:
    """Add a command with its docstring as help; one that needs arguments shows it without them."""
    group.command(
        name, cls=_Command, no_args_is_help=needs_arguments, help=unfolded(command.__doc__)
    )(command)


class _Command(TyperCommand):
    """A command that accepts old spellings of its options, with a note."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        return super().parse_args(ctx, list(self._renamed(args)))

    def _renamed(self, args: list[str]) -> Iterator[str]:
        known = {name for option in self.params for name in (*option.opts, *option.secondary_opts)}
        for word in args:
            old, equals, value = word.partition("=")
            new = _RENAMED.get(old)
            if new is None or new not in known:
                yield word
                continue
            with warnings_as_notes():
                warn_renamed(old, new)
            yield f"{new}{equals}{value}"


def unfolded(text: str | None) -> str:
    """Join the lines of each paragraph of a docstring, so that the terminal can fold them itself.

    Indented lines, such as examples, stay as they are.
    """
    paragraphs: list[str] = []
    for block in inspect.cleandoc(text or "").split("\n\n"):
        lines = block.split("\n")
        stays = any(line.startswith(" ") for line in lines)
        paragraphs.append(block if stays else " ".join(lines))
    return "\n\n".join(paragraphs)
