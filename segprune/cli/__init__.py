"""The command line: one module a command.

Torch and the engine are imported inside the commands, so that `segprune --help` answers at once.
"""

from __future__ import annotations

import os
import signal
import sys
from types import FrameType
from typing import Annotated

import typer

from segprune.cli.commands import add, unfolded
from segprune.cli.data import data
from segprune.cli.doctor import doctor
from segprune.cli.errors import TERMINATED, end_soon
from segprune.cli.evaluate import evaluate
from segprune.cli.gate import gate
from segprune.cli.inspect import inspect
from segprune.cli.predict import predict
from segprune.cli.prune import prune
from segprune.cli.recipe import recipe
from segprune.cli.report import report
from segprune.cli.sensitivity import sensitivity
from segprune.cli.speed import speed
from segprune.cli.sweep import sweep
from segprune.cli.train import recover, train
from segprune.cli.verify import verify

__all__ = ["app", "main"]

app = typer.Typer(
    name="segprune",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(wanted: bool) -> None:
    if wanted:
        from segprune.records.environment import version

        typer.echo(f"segprune {version()}")
        raise typer.Exit


_ABOUT = """Make a segmentation network smaller, and prove that it was done right.

Channels are removed, not masked: the file shrinks, the work shrinks, and the result computes
what the original computes with those channels at zero.

[bold]Examples[/bold]

  [cyan]segprune prune bisenetv2 --budget macs=0.5[/cyan]
  half of the multiply-adds of a built-in network

  [cyan]segprune prune my.nets:make --weights best.pt --frames frames/[/cyan]
  a network of your own, proved on your images

  [cyan]segprune recover benchmarks/recipes/quick.toml[/cyan]
  half of a trained network's MACs gone, and its accuracy won back

  [cyan]segprune recipe new FILE --dense DENSE[/cyan]
  a recipe to begin with, every field explained

  [cyan]segprune eval FILE --data streets[/cyan]
  mIoU and the IoU of every class

  [cyan]segprune inspect FILE[/cyan], [cyan]segprune verify FILE[/cyan]
  every layer's width before and after; the proof once more

  [cyan]segprune predict FILE IMAGES --against DENSE[/cyan]
  what the network sees, beside the dense one

  [cyan]segprune speed DENSE PRUNED[/cyan]
  how much faster, measured in pairs

  [cyan]segprune sweep benchmarks/sweeps/streets.toml[/cyan], then [cyan]segprune report[/cyan]
  which strategy at which ratio, in tables and plots

  [cyan]segprune doctor MODEL[/cyan]
  what a bug report needs: versions, the processor, a trace

Exit status: 0 done; 1 a proof, target or check failed; 2 bad input; 70 unexpected
(SEGPRUNE_DEBUG=1 shows where); 130 or 143 interrupted.
"""


@app.callback(help=unfolded(_ABOUT))
def about(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_version, is_eager=True, help="Show the version."),
    ] = False,
) -> None:
    """Read the options that come before a command."""


add(app, prune)
add(app, inspect)
add(app, verify)
add(app, sensitivity)
add(app, train)
add(app, recover)
add(app, evaluate, "eval")
add(app, sweep)
add(app, speed)
add(app, predict)
app.add_typer(data)
app.add_typer(gate)
app.add_typer(recipe)
add(app, doctor, needs_arguments=False)
add(app, report, needs_arguments=False)


def main() -> None:
    """Entry point of the `segprune` script."""
    # `kill` must unwind the stack as Ctrl-C does, so that no half-made folder stays behind.
    signal.signal(signal.SIGTERM, _terminate)
    # Threads of torch that wait for one another keep their cores busy by default; beside a process
    # that does the same a network took ten times as long. OpenMP reads this when torch is imported.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    app(prog_name="segprune")


def _terminate(signum: int, frame: FrameType | None) -> None:
    del signum, frame
    end_soon()
    sys.exit(TERMINATED)
