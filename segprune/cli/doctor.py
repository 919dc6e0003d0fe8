"""`segprune doctor`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from segprune.cli import options
from segprune.cli.errors import guarded
from segprune.cli.parsing import make_importable, parse_input
from segprune.workflows.jobs import INPUT_TEXT

__all__ = ["doctor"]

_FAILED = 1


@guarded
def doctor(
    model: Annotated[
        str | None,
        typer.Argument(
            metavar="MODEL",
            help="[cyan]bisenetv2[/cyan], [cyan]icnet[/cyan], or "
            "[cyan]package.module:factory[/cyan]: the network to trace.",
            show_default="none: only this installation",
        ),
    ] = None,
    input: options.Input = INPUT_TEXT,
    num_classes: options.NumClasses = None,
    json: Annotated[
        Path | None,
        typer.Option(
            "--json",
            metavar="FILE",
            help="Write the report there, to attach it to an issue.",
            show_default="none: only print it",
        ),
    ] = None,
) -> None:
    """Say what this installation is and what a trace says of a network: for a bug report.

    The report holds versions, the processor, and names of layers with lines of code. It holds no
    weights, no images, no host name and no user name. The exit status is 1 if the network cannot be
    traced.

    [bold]Examples[/bold]

      [cyan]segprune doctor[/cyan]
      [cyan]segprune doctor my.nets:make --input 1x3x256x512 --json doctor.json[/cyan]
    """
    size = parse_input(input)

    from segprune.cli.render.doctor import show_report
    from segprune.records.io import write_record
    from segprune.workflows.doctor import run_doctor

    make_importable()
    report = run_doctor(model, input=size, num_classes=num_classes)
    if json is not None:
        write_record(json, report)
    show_report(report, json)
    if report.trace is not None and report.trace.error:
        raise typer.Exit(_FAILED)
