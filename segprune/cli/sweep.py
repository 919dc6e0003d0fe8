"""`segprune sweep`."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from segprune.cli.errors import guarded
from segprune.cli.options import Out
from segprune.cli.parsing import make_importable, require_file
from segprune.data.names import folder_of, require_folder
from segprune.errors import InputError
from segprune.workflows.jobs import RUNS, SWEEP_PAIRS

if TYPE_CHECKING:
    from segprune.training.recipe import Recipe
    from segprune.training.sweep_recipe import SweepRecipe
    from segprune.workflows.sweep.phases import SweepResult

__all__ = ["sweep"]

_INTERRUPTED = 130
_JOBS = "Jobs"


class Only(StrEnum):
    """Parts of a sweep."""

    cells = "cells"
    speed = "speed"


@guarded
def sweep(
    recipe: Annotated[
        Path,
        typer.Argument(
            metavar="RECIPE",
            help="A TOML file; [cyan]benchmarks/sweeps/[/cyan] has one. Paths in it are relative "
            "to the current folder.",
        ),
    ],
    set: Annotated[
        list[str] | None,
        typer.Option(
            "--set", metavar="FIELD=VALUE",
            help="Replace one value of the recipe, such as [cyan]budgets=[0.5][/cyan]; repeatable.",
        ),
    ] = None,
    root: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="Where the images are, unless the recipes say so."),
    ] = None,
    workers: Annotated[
        int,
        typer.Option(
            rich_help_panel=_JOBS, metavar="N", min=1,
            help="Processes beside each other; each needs the memory of a training.",
        ),
    ] = 2,
    threads: Annotated[
        int,
        typer.Option(rich_help_panel=_JOBS, metavar="N", min=1, help="Threads of each of them."),
    ] = 1,
    retry_failed: Annotated[
        bool,
        typer.Option(
            "--retry-failed", rich_help_panel=_JOBS, help="Run cells again that failed earlier."
        ),
    ] = False,
    dry_run: Annotated[
        bool,
        typer.Option("--dry-run", help="Print the cells and how far each is; run nothing."),
    ] = False,
    only: Annotated[
        Only | None,
        typer.Option(help="Only run the cells, or only measure the speed of those that are done."),
    ] = None,
    no_speed: Annotated[
        bool, typer.Option("--no-speed", help="Leave speed out, as --only cells does.")
    ] = False,
    pairs: Annotated[
        int, typer.Option(metavar="N", min=6, help="Pairs of calls for each plan's speed.")
    ] = SWEEP_PAIRS,
    out: Out = RUNS,
) -> None:  # fmt: skip
    """Prune networks by every importance, to every budget, and see what each way costs.

    Runs networks × budgets × importances × scopes × ways to recover, and leaves one record a cell
    in a folder in --out; [cyan]segprune report[/cyan] makes tables and plots of them. A cell that
    fails is recorded and passed over. The same command goes on where an earlier one was
    interrupted. At the end, with nothing else running, the speed of each plan is measured beside
    its dense network's.

    [bold]Examples[/bold]

      [cyan]segprune sweep benchmarks/sweeps/streets.toml --dry-run[/cyan]
      [cyan]segprune sweep benchmarks/sweeps/streets.toml --workers 2[/cyan]
      [cyan]segprune sweep my.toml --root data/camvid --set 'budgets=[0.5]' --no-speed[/cyan]
    """
    if no_speed and only is Only.speed:
        raise InputError("--no-speed: expected it or --only speed, found both; leave one out.")
    require_file(recipe, "a recipe (TOML)")
    require_folder(root, folder_of(None))
    make_importable()

    from segprune.training.sweep_recipe import read_bases, read_sweep

    changes = [] if root is None else [f'data.root="{root.as_posix()}"']
    read = read_sweep(recipe, set or [])
    bases = read_bases(read, changes)
    if dry_run:
        _list(read, bases, out)
        return
    words = (word for change in set or () for word in ("--set", change))
    part = Only.cells if no_speed else only
    result = _run(
        read, bases, ("segprune", "sweep", recipe.name, *words), out, workers, threads,
        retry_failed, None if part is None else part.value, pairs,
    )  # fmt: skip

    from segprune.cli.render.sweep import show_sweep

    show_sweep(result)


def _list(read: SweepRecipe, bases: Mapping[str, Recipe], out: Path) -> None:
    from segprune.cli.render.sweep import show_cells
    from segprune.workflows.sweep.phases import list_cells

    show_cells(list_cells(read, bases, out), read)


def _run(
    read: SweepRecipe, bases: Mapping[str, Recipe], command: tuple[str, ...], out: Path,
    workers: int, threads: int, retry_failed: bool, only: str | None, pairs: int,
) -> SweepResult:  # fmt: skip
    from rich.console import Console
    from rich.text import Text

    from segprune.cli.render.sweep import Bars, announce_sweep
    from segprune.workflows.sweep.engine import Processes, portable
    from segprune.workflows.sweep.folder import SweepFolder
    from segprune.workflows.sweep.phases import run_sweep

    announce_sweep(read)
    folder = SweepFolder(out / read.name)
    try:
        with Bars() as bars:
            engine = Processes(workers, threads, log=folder.log, watch=bars.job)
            return run_sweep(
                read, bases, engine, out=out, only=only, retry_failed=retry_failed, pairs=pairs,  # type: ignore[arg-type]
                command=tuple(portable(word) for word in command), progress=bars,
            )  # fmt: skip
    except KeyboardInterrupt:
        if not folder.path.exists():
            raise  # `guarded` says that nothing was written
        Console(stderr=True, soft_wrap=True).print(
            Text.assemble(
                ("interrupted: ", "bold red"),
                f"what is done is kept in {folder.path}; the same command goes on from there.",
            )
        )
        raise typer.Exit(_INTERRUPTED) from None
