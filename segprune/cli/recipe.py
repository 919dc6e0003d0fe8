"""`segprune recipe new`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from segprune.cli import options
from segprune.cli.commands import add, new_group
from segprune.cli.errors import guarded
from segprune.cli.parsing import require_file
from segprune.errors import ArtifactError

__all__ = ["recipe"]

recipe = new_group("recipe", "Recipes for segprune train and recover.")


@guarded
def new(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Where to write it: a .toml file.")],
    model: Annotated[
        str,
        typer.Option(
            metavar="MODEL",
            help="The network: [cyan]bisenetv2[/cyan], [cyan]icnet[/cyan], or "
            "[cyan]package.module:factory[/cyan].",
        ),
    ] = "bisenetv2",
    dense: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="The dense network's file, to be pruned and recovered: an artefact, or weights of "
            "a network of your own.",
            show_default="none: the recipe trains a dense network",
        ),
    ] = None,
    data: Annotated[
        str,
        typer.Option(
            metavar="NAME",
            help="The images: [cyan]streets[/cyan], [cyan]camvid[/cyan], [cyan]cityscapes[/cyan], "
            "or [cyan]folder[/cyan] for images of your own.",
        ),
    ] = "streets",
    root: options.Root = None,
    replace: Annotated[bool, typer.Option("--replace", help="Overwrite the file.")] = False,
) -> None:
    """Write a recipe to begin with: every field, with its meaning and its default.

    With --dense it prunes that network to half of its MACs and recovers it; without, it trains a
    dense network.

    [bold]Examples[/bold]

      [cyan]segprune recipe new first.toml --dense dense.safetensors[/cyan]
      [cyan]segprune recipe new mine.toml --model my.nets:make --data folder --root frames/[/cyan]
    """
    require_file(dense, "the dense network's file")
    if file.exists() and not replace:
        raise ArtifactError(
            f"{file}: expected no file of that name, found one; pass --replace to overwrite it, or "
            "choose another name."
        )

    from segprune.records.io import write_atomic
    from segprune.training.new_recipe import new_recipe

    text = new_recipe(
        file.stem, model, dense=None if dense is None else dense.as_posix(), data=data, root=root
    )
    write_atomic(file, text)
    typer.echo(f"written: {file}")
    typer.echo(f"next: segprune {'recover' if dense else 'train'} {file}")


add(recipe, new)
