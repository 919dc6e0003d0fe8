"""`segprune gate init`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from segprune.cli import options
from segprune.cli.commands import add, new_group
from segprune.cli.errors import guarded
from segprune.cli.parsing import make_importable, parse_input
from segprune.errors import InputError
from segprune.workflows.jobs import GateJob

__all__ = ["gate"]

gate = new_group("gate", "Gate a pruned network in CI: size, proof, accuracy and speed.")


@guarded
def init(
    artifact: Annotated[
        Path,
        typer.Option(
            rich_help_panel=options.NETWORK,
            metavar="FILE",
            help="The pruned network: a file that segprune prune or recover wrote.",
        ),
    ],
    dense: Annotated[
        Path | None,
        typer.Option(
            rich_help_panel=options.NETWORK,
            metavar="FILE",
            help="Weights of the dense network: a state dict, or a file that segprune train wrote.",
            show_default="none: the factory loads its own",
        ),
    ] = None,
    model: options.DenseNetwork = None,
    input: options.InputOfFile = None,
    data: Annotated[
        str,
        typer.Option(
            rich_help_panel=options.IMAGES,
            metavar="NAME",
            help="Images that accuracy is judged on: [cyan]streets[/cyan], [cyan]camvid[/cyan], "
            "[cyan]cityscapes[/cyan], or [cyan]folder[/cyan] for images of your own.",
        ),
    ] = GateJob.data,
    root: Annotated[
        Path | None,
        typer.Option(
            rich_help_panel=options.IMAGES,
            metavar="FOLDER",
            help="Where the images are; in the repository, or on this machine alone.",
            show_default="none: given to each run as --segprune-data NAME=FOLDER",
        ),
    ] = None,
    split: options.Split = GateJob.split,
    name: Annotated[
        str | None,
        typer.Option(
            "--name",
            metavar="NAME",
            help="Name of the case and of its baseline.",
            show_default="that of the pruned network's file",
        ),
    ] = None,
    out: Annotated[
        Path, typer.Option(metavar="FOLDER", help="Folder for the test module and the policy.")
    ] = Path(),
) -> None:
    """Write the gates of a pruned network: a test module, a policy, and a workflow for GitHub.

    The networks are loaded first, so that a wrong file is found now and not in CI. Files that exist
    are not overwritten. pytest then runs the gates, and asks for a baseline, which
    pytest --segprune-accept writes.

    [bold]Examples[/bold]

      [cyan]segprune gate init --model my.nets:make --dense best.pt --artifact FILE[/cyan]
      [cyan]segprune gate init --dense dense.safetensors --artifact FILE[/cyan]
    """
    size = parse_input(input) if input else None
    for file in (artifact, dense):
        if file is not None and not file.is_file():
            raise InputError(f"{file}: expected a file, found none; check the path.")

    from segprune.workflows.gate_init import run_gate_init

    make_importable()
    files = run_gate_init(GateJob(artifact, dense, model, data, root, split, name, size, out))
    here = Path.cwd()
    for path, what in (
        (files.policy, "what may be lost and must be saved: edit the numbers first"),
        (files.test, "the gates"),
        (files.workflow, "the same in CI: say in it how to install segprune and your network"),
    ):
        shown = path.relative_to(here) if path.is_relative_to(here) else path
        typer.echo(f"{shown}  {what}")
    folder = "" if files.test.parent == here else f" {out}"
    typer.echo(f"next: pytest{folder} --segprune-accept, then commit the files and the baseline")


add(gate, init)
