"""`segprune speed`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from segprune.cli import options
from segprune.cli.errors import guarded
from segprune.cli.parsing import command_line, make_importable, parse_input, require_file
from segprune.workflows.jobs import SpeedJob

__all__ = ["speed"]


@guarded
def speed(
    reference: Annotated[
        Path,
        typer.Argument(
            metavar="REFERENCE",
            help="Usually the dense network: a file of segprune, or weights (with --model).",
        ),
    ],
    candidate: Annotated[
        Path,
        typer.Argument(
            metavar="CANDIDATE", help="A file of segprune: the network that should be faster."
        ),
    ],
    input: options.InputOfFile = None,
    memory_format: Annotated[
        Literal["contiguous", "channels_last"],
        typer.Option(
            rich_help_panel=options.NETWORK,
            help="How the images lie in memory; convolutions follow it. Measure in the format that "
            "you deploy: channels_last is faster for some networks and processors, and slower for "
            "others.",
        ),
    ] = SpeedJob.memory_format,
    model: options.DenseNetwork = None,
    pairs: Annotated[
        int, typer.Option(metavar="N", min=6, help="Pairs of calls.")
    ] = SpeedJob.pairs,
    threads: Annotated[
        int, typer.Option(metavar="N", min=1, help="CPU threads.")
    ] = SpeedJob.threads,
    seed: options.Seed = SpeedJob.seed,
    out: options.Out = SpeedJob.out,
    name: options.Name = None,
    replace: options.Replace = False,
) -> None:  # fmt: skip
    """Measure how much faster one network is than another: both run in turn, in one process.

    The ratio of two calls beside each other holds on a busy machine, where milliseconds do not; it
    comes with an interval. Writes speed.json to a folder in --out.

    [bold]Examples[/bold]

      [cyan]segprune speed dense.safetensors pruned.safetensors[/cyan]
      [cyan]segprune speed dense.safetensors pruned.safetensors --input 1024x2048[/cyan]
    """
    given = dict(locals())
    for file in (reference, candidate):
        require_file(file, "an artefact of segprune, or weights")
    size = None if input is None else parse_input(input)

    from segprune.cli.progress import Steps
    from segprune.cli.render.speed import show_speed
    from segprune.workflows.speed import run_speed

    make_importable()
    job = SpeedJob(
        reference, candidate, input=size, memory_format=memory_format, model=model, pairs=pairs,
        threads=threads, seed=seed, out=out, name=name, replace=replace,
        command=command_line("speed", speed, given),
    )  # fmt: skip
    with Steps() as steps:
        result = run_speed(job, lambda done, total: steps("measure", done, total))
    show_speed(result.record, result.folder)
