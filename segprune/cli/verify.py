"""`segprune verify`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from segprune.cli import options
from segprune.cli.errors import guarded
from segprune.cli.parsing import make_importable, parse_input, parse_normalisation, require_file
from segprune.data.source import ImageSource
from segprune.errors import InputError

__all__ = ["verify"]

_FAILED = 1


@guarded
def verify(
    file: Annotated[
        Path,
        typer.Argument(metavar="FILE", help="A file that segprune prune or segprune.save wrote."),
    ],
    model: options.DenseNetwork = None,
    weights: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Weights of the dense network, to compare every kept number with them.",
            show_default="none: numbers are not compared",
        ),
    ] = None,
    input: options.InputOfFile = None,
    frames: options.Frames = None,
    data: options.Data = None,
    root: options.Root = None,
    split: options.Split = "train",
    mean: options.Mean = None,
    std: options.Std = None,
    range: options.Range = None,
    trained: Annotated[
        bool,
        typer.Option(
            "--trained", help="The pruned network was trained on: its numbers may differ."
        ),
    ] = False,
    seed: options.Seed = 0,
) -> None:
    """Rebuild a pruned network from its file and prove it: exit status 0 if it holds, 1 if not.

    Shapes, attributes, memory and gradients are checked one by one; outputs are compared with
    those of the full-size network whose removed channels are zero, on several sizes. With --frames
    or --data the first batch is of images; those of other sizes are random numbers in any case.

    [bold]Examples[/bold]

      [cyan]segprune verify runs/NAME/NAME.safetensors[/cyan]
      [cyan]segprune verify small.safetensors --model my.nets:make --weights dense.pt[/cyan]
    """
    require_file(file, "an artefact of segprune")
    require_file(weights, "weights")
    images = ImageSource(frames, data, root, split)
    size = parse_input(input) if input else None
    normalised = parse_normalisation(mean, std, range)
    if images.label is None and (mean or std or range):
        raise InputError(
            "--mean, --std, --range: expected images that they are for, found none; pass "
            "--frames FOLDER or --data NAME, or leave them out."
        )

    from segprune.cli.progress import Steps
    from segprune.cli.render.verify import show_proof, show_violations
    from segprune.workflows.verify import run_verify

    make_importable()
    with Steps() as steps:
        steps("verify", 0, 1)
        proof = run_verify(
            file, model=model, weights=weights, input=size, frames=images.frames,
            data=images.data, root=root, split=split, given=normalised, trained=trained, seed=seed,
        )  # fmt: skip
        for line in proof.lines:
            steps.say(line)
    if proof.violations:
        show_violations(
            proof.violations, f"{file.name} is not what its plan makes of the dense network."
        )
        raise typer.Exit(_FAILED)
    show_proof(file, proof, images.label)
