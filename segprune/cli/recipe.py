"""`segprune recipe new`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from segprune.cli import options
from segprune.cli.commands import add, new_group
from segprune.cli.errors import guarded
from segprune.cli.parsing import require_file
from segprune.errors import ArtifactError, InputError

__all__ = ["recipe"]

recipe = new_group("recipe", "Recipes for segprune train and recover.")


@guarded
def new(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Where to write it: a .toml file.")],
    model: Annotated[
        str | None,
        typer.Option(
            metavar="MODEL",
            help="The network: [cyan]bisenetv2[/cyan], [cyan]icnet[/cyan], or "
            "[cyan]package.module:factory[/cyan].",
            show_default="the dense file's, or bisenetv2",
        ),
    ] = None,
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
        str | None,
        typer.Option(
            metavar="NAME",
            help="The images: [cyan]streets[/cyan], [cyan]camvid[/cyan], [cyan]cityscapes[/cyan], "
            "or [cyan]folder[/cyan] for images of your own.",
            show_default="the dense file's, or streets",
        ),
    ] = None,
    root: options.Root = None,
    replace: Annotated[bool, typer.Option("--replace", help="Overwrite the file.")] = False,
) -> None:
    """Write a recipe to begin with: every field, with its meaning and its default.

    With --dense the recipe prunes that network to half of its MACs and recovers it. Without --dense
    it trains a dense network. A file that segprune wrote says which network it holds, and which
    data set that was trained on.

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

    network, options, images = _found(dense, model)
    text = new_recipe(
        file.stem,
        network,
        options=options,
        dense=None if dense is None else dense.as_posix(),
        data=data or images,
        root=root,
    )
    write_atomic(file, text)
    typer.echo(f"written: {file}")
    typer.echo(f"next: segprune {'recover' if dense else 'train'} {file}")


def _found(dense: Path | None, model: str | None) -> tuple[str, dict[str, Any], str]:
    """Return the network, its options and its data set, as the dense file names them."""
    from segprune.artifacts import is_artifact, read_header
    from segprune.models.references import is_reference

    if dense is None or not is_artifact(dense):
        return model or "bisenetv2", {}, "streets"
    header = read_header(dense)
    images = str(header.metadata.get("data", "streets"))
    if model is not None and is_reference(model):
        return model, {}, images
    if header.spec is None:
        raise InputError(
            f"{dense}: expected --model package.module:factory, for this file holds a network of "
            f"your own ({header.network}), found {model or 'none'}."
        )
    name, options = header.spec["name"], dict(header.spec["options"])
    if model not in (None, name):
        raise InputError(f"{dense}: expected --model {name}, which this file holds, found {model}.")
    options.pop("num_classes", None)  # a recipe takes them from the data
    return name, options, images


add(recipe, new)
