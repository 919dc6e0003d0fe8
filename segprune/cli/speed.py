"""`segprune speed`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from segprune.cli.errors import guarded
from segprune.cli.files import require_file
from segprune.cli.options import NETWORK, DenseNetwork, Name, Out, Replace, Seed
from segprune.cli.parsing import make_importable, parse_input, spelled
from segprune.workflows.jobs import SpeedJob, defaults

if TYPE_CHECKING:
    from segprune.records.sweep import SpeedRecord

__all__ = ["show_speed", "speed"]


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
    input: Annotated[
        str | None,
        typer.Option(
            rich_help_panel=NETWORK, metavar="NxCxHxW", help="Size of the example input.",
            show_default="the artefacts'",
        ),
    ] = None,
    memory_format: Annotated[
        Literal["contiguous", "channels_last"],
        typer.Option(
            rich_help_panel=NETWORK,
            help="How the images lie in memory; convolutions follow it. Measure in the format that "
            "you deploy: channels_last is faster for some networks and processors, and slower for "
            "others.",
        ),
    ] = SpeedJob.memory_format,
    model: DenseNetwork = None,
    pairs: Annotated[
        int, typer.Option(metavar="N", min=6, help="Pairs of calls.")
    ] = SpeedJob.pairs,
    threads: Annotated[
        int, typer.Option(metavar="N", min=1, help="CPU threads.")
    ] = SpeedJob.threads,
    seed: Seed = SpeedJob.seed,
    out: Out = SpeedJob.out,
    name: Name = None,
    replace: Replace = False,
) -> None:  # fmt: skip
    """How much faster one network is than another: both run in turn, in pairs, in one process.

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
    from segprune.workflows.speed import run_speed

    usual = defaults(SpeedJob)
    left_out = ("reference", "candidate", "out", "name", "replace")
    words = {k: v for k, v in given.items() if k not in left_out and usual.get(k) != v}
    program, verb, first, *more = spelled("speed", reference.name, words)
    make_importable()
    job = SpeedJob(
        reference, candidate, input=size, memory_format=memory_format, model=model, pairs=pairs,
        threads=threads, seed=seed, out=out, name=name, replace=replace,
        command=(program, verb, first, candidate.name, *more),
    )  # fmt: skip
    with Steps() as steps:
        result = run_speed(job, lambda done, total: steps("measure", done, total))
    show_speed(result.record, result.folder)


def show_speed(record: SpeedRecord, folder: Path) -> None:
    """Both networks, and what the pairs say."""
    from rich.console import Console

    from segprune.cli.render.common import facts, table
    from segprune.format import counted, fps, ms, percent

    found = record.speed
    rows = table("", "time of one call", "frames per second")
    rows.add_row(record.reference, ms(found.reference_ms), fps(found.reference_fps))
    rows.add_row(record.candidate, ms(found.candidate_ms), fps(found.candidate_fps))
    word, style = {
        "faster": ("faster", "green"), "slower": ("slower", "red"),
        "no difference": ("speed", "yellow"),
    }[found.verdict]  # fmt: skip
    doubt = "" if found.verdict != "no difference" else ", no difference was found"
    text = (
        f"{found.speedup:.2f} times ({percent(found.confidence)} interval {found.low:.2f} to "
        f"{found.high:.2f}; {found.pairs} pairs in turn, {found.device}, "
        f"{counted(found.threads, 'thread')}){doubt}"
    )
    console = Console()
    console.print()
    console.print(rows)
    console.print()
    medians = found.reference_ms / found.candidate_ms
    noisy = not found.low / 1.05 < medians < found.high * 1.05
    doubts = (
        (
            "noisy", "yellow",
            f"the times above are medians of different moments (they would say {medians:.2f}); the "
            "ratio is the median of pairs, whose two calls shared one",
        ),
    )  # fmt: skip
    console.print(
        facts(
            (word, style, text),
            *(doubts if noisy else ()),
            ("input", "", str(record.at)),
            ("written", "cyan", f"{folder}/speed.json"),
        )
    )
