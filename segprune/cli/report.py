"""`segprune report`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from segprune.cli.errors import guarded
from segprune.cli.options import POLICY, RESULTS
from segprune.cli.parsing import require_file
from segprune.data.names import require_folder
from segprune.errors import InputError

if TYPE_CHECKING:
    from segprune.reporting import Adopted, Collection

__all__ = ["report"]

PAGE = "RESULTS.md"
CSV = "RESULTS.csv"


@guarded
def report(
    runs: Annotated[
        list[Path] | None,
        typer.Argument(metavar="[RUN]...", help="With --adopt: folders of finished runs."),
    ] = None,
    records: Annotated[
        Path, typer.Option(metavar="FOLDER", help="The folder of the records.")
    ] = Path("benchmarks/records"),
    policy: Annotated[
        Path,
        typer.Option(
            metavar="FILE", help="The targets of each budget: what it may lose, and has to gain."
        ),
    ] = POLICY,
    adopt: Annotated[
        bool,
        typer.Option("--adopt", help="Copy the records of runs to --records, and do no more."),
    ] = False,
    replace: Annotated[
        bool,
        typer.Option("--replace", help="With --adopt: overwrite a record that differs."),
    ] = False,
    out: Annotated[
        Path,
        typer.Option(
            rich_help_panel=RESULTS,
            metavar="FOLDER",
            help="Where RESULTS.md, RESULTS.csv and plots/ go.",
        ),
    ] = Path("benchmarks"),
    plots: Annotated[
        bool, typer.Option(rich_help_panel=RESULTS, help="Draw the plots; takes matplotlib.")
    ] = True,
) -> None:
    """Turn records into tables and plots: which strategy, at which ratio, at which cost.

    Reads every training, sweep, measurement of speed and sensitivity in --records and writes
    RESULTS.md, its rows as RESULTS.csv, and plots/*.png and *.svg to --out. The same records give
    the same bytes.

    [bold]Examples[/bold]

      [cyan]segprune report[/cyan]
      [cyan]segprune report --adopt runs/bisenetv2-streets-dense runs/streets[/cyan]
      [cyan]segprune report --records records --out page[/cyan]
    """
    if adopt != bool(runs):
        given, missing = ("--adopt", "a run") if adopt else ("a run", "--adopt")
        raise InputError(
            f"report: expected {missing} beside {given}, found none; for example segprune report "
            "--adopt runs/NAME."
        )
    if replace and not adopt:
        raise InputError("--replace: expected --adopt beside it, found none; leave it out.")
    if adopt:
        for run in runs or ():
            require_file(run, "the folder of a run, or a record")

        from segprune.reporting import adopt as adopt_runs

        _show_adopted(adopt_runs(runs or (), records, replace=replace), records)
        return

    if policy != POLICY:
        require_file(policy, "a policy (TOML)")
    require_folder(
        records, "a folder of records",
        "run this in the project's root, or say where it is with --records",
    )  # fmt: skip

    from segprune.cli.progress import Steps
    from segprune.gates.policy import Policy
    from segprune.records.io import write_atomic
    from segprune.reporting import (
        read_collection,
        read_policy,
        results_csv,
        results_page,
        write_plots,
    )
    from segprune.reporting.page import PLOTS

    with Steps() as steps:
        steps("read", 0, 1)
        unwritten = policy == POLICY and not policy.exists()
        rules = Policy({}, {}, {}, {}, 1) if unwritten else read_policy(policy)
        collection = read_collection(records)
        page, sheet = results_page(collection, rules), results_csv(collection, rules)
        try:
            out.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise InputError(
                f"--out: expected a folder, found {error.strerror or error} at {out}; choose "
                "another place."
            ) from error
        names = write_plots(collection, rules, out / PLOTS, steps) if plots else ()
        write_atomic(out / CSV, sheet)
        write_atomic(out / PAGE, page)
    _show_written(collection, out / PAGE, len(names))


def _show_adopted(adopted: tuple[Adopted, ...], records: Path) -> None:
    from rich.console import Console

    from segprune.cli.render.common import facts

    colours = {"new": "green", "changed": "yellow", "unchanged": ""}
    rows = [
        (
            one.state,
            colours[one.state],
            f"{one.path.relative_to(records)}"
            + (f": {one.records} records" if one.records > 1 else ""),
        )
        for one in adopted
    ]
    console = Console()
    console.print(facts(*rows, ("next", "cyan", "segprune report writes them into RESULTS.md")))


def _show_written(collection: Collection, page: Path, plots: int) -> None:
    from rich.console import Console

    from segprune.cli.render.common import facts

    failed = sum(cell.outcome is None for cell in collection.cells)
    counts = (
        f"{len(collection.trainings)} trainings, {len(collection.cells)} cells"
        + (f" ({failed} failed)" if failed else "")
        + f", {len(collection.speeds)} measurements of speed, "
        f"{len(collection.sensitivities)} sensitivities"
    )
    rows = [("records", "", counts)]
    if collection.is_empty:
        rows.append(("nothing", "yellow", "no record to show: adopt a run with --adopt"))
    beside = f"{CSV} and {plots} plots" if plots else CSV
    rows.append(("written", "cyan", f"{page}, {beside} beside it"))
    Console().print(facts(*rows))
