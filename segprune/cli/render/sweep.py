"""What `segprune sweep` prints: its cells, its progress, and which of them came out best."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from types import TracebackType
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
)
from rich.text import Text

from segprune.cli.render.common import facts, table
from segprune.core.planning.importance import importances, own_name
from segprune.data.normalisation import Normalisation
from segprune.format import counted, percent, points
from segprune.workflows.sweep.engine import ENDED

if TYPE_CHECKING:
    from segprune.records.sweep import CellRecord
    from segprune.training.sweep_recipe import SweepRecipe
    from segprune.workflows.sweep.phases import Listed, SweepResult

__all__ = ["Bars", "announce_sweep", "show_cells", "show_sweep"]

_MOST_FAILURES = 12


class Bars:
    """Progress on stderr: a bar for each phase, and one for each job that runs.

    Without a terminal: a line at every tenth of a phase.
    """

    def __init__(self) -> None:
        self._console = Console(stderr=True)
        self._live = self._console.is_terminal
        self._progress = Progress(
            TextColumn("{task.description}"), BarColumn(24), MofNCompleteColumn(),
            TimeElapsedColumn(), console=self._console, disable=not self._live,
        )  # fmt: skip
        self._phases: dict[str, TaskID] = {}
        self._jobs: dict[str, TaskID] = {}
        self._tenths: dict[str, int] = {}

    def __call__(self, step: str, done: int, total: int) -> None:
        """Show how far a phase is."""
        if step not in self._phases:
            self._phases[step] = self._progress.add_task(step, total=total)
        self._progress.update(self._phases[step], completed=done, total=total)
        tenth = 10 * done // max(total, 1)
        if not self._live and self._tenths.get(step) != tenth:
            self._tenths[step] = tenth
            self._console.print(f"{step}: {done} of {total}", highlight=False)

    def job(self, name: str, step: str, done: int, total: int) -> None:
        """Show the step of a job; remove the job once it has ended."""
        if step == ENDED:
            if name in self._jobs:
                self._progress.remove_task(self._jobs.pop(name))
            return
        if name not in self._jobs:
            self._jobs[name] = self._progress.add_task("", total=None)
        self._progress.update(
            self._jobs[name], description=f"  {name}: {step}", completed=done,
            total=total if total > 1 else None,
        )  # fmt: skip

    def __enter__(self) -> Bars:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:  # fmt: skip
        for task in self._jobs.values():
            self._progress.remove_task(task)
        self._progress.stop()


def announce_sweep(sweep: SweepRecipe) -> None:
    """Print what is varied, and which importance is a second name of another one."""
    names = importances() if sweep.importances == "all" else sweep.importances
    again = [name for name in names if own_name(name) != name]
    line = Text.assemble((sweep.name, "bold"), ": ", counted(len(sweep.networks), "network"))
    line.append(f" × {counted(len(sweep.budgets), 'budget')}")
    line.append(f" × {counted(len(sweep.distinct_importances()), 'importance')}")
    line.append(f" × {counted(len(sweep.scopes), 'scope')}, {', '.join(sweep.recoveries)}")
    line.append(f"; seed {sweep.seed}")
    console = Console(soft_wrap=True)
    console.print(line)
    for name in again:
        console.print(Text(f"{name} is {own_name(name)}, and run as that", style="dim"))


def show_cells(cells: Sequence[Listed], sweep: SweepRecipe) -> None:
    """Print every cell and how far it is, then how many of each."""
    announce_sweep(sweep)
    styles = {"done": "green", "failed": "red", "open": "yellow", "not chosen": "dim"}
    console = Console(soft_wrap=True)
    for listed in cells:
        console.print(
            Text.assemble((f"{listed.state:10}  ", styles.get(listed.state, "")), listed.cell.name)
        )
    states = [listed.state for listed in cells]
    counts = [
        f"{states.count(state)} {state}" for state in dict.fromkeys((*styles, "to do", *states))
        if state in states
    ]  # fmt: skip
    console.print(f"\n{counted(len(cells), 'cell')}: {', '.join(counts)}", highlight=False)
    if "open" in states and sweep.best is not None:
        console.print(
            f"Open ones are trained if they are among the best {sweep.best.count} of their network "
            "and budget after recalibration.", highlight=False,
        )  # fmt: skip


def show_sweep(result: SweepResult) -> None:
    """Print the best cell of each network, budget and kind of recovery, and every failure."""
    console = Console()
    rows = table("network", "budget", "best by", "recovery", "mIoU", "to dense", "speed-up")
    rows.columns[2].justify = rows.columns[3].justify = "left"
    for record in _best(result.cells):
        assert record.outcome is not None
        score, dense = record.outcome.score.miou, record.dense_score.miou
        speed = result.speeds.get(record.outcome.plan)
        rows.add_row(
            record.network,
            percent(record.budget["macs"]),
            f"{record.importance}, {record.scope}",
            record.recovery,
            points(score),
            f"{100 * (score - dense):+.1f}",
            f"{speed.speed.speedup:.2f}" if speed else "–",
        )
    console.print()
    console.print(rows)
    console.print()
    sentences = {
        record.network: Normalisation(record.preprocessing, record.normalisation).sentence
        for record in result.cells
        if record.preprocessing is not None
    }
    for network, sentence in sentences.items():
        console.print(f"{network}: {sentence}", soft_wrap=True, highlight=False)
    failed = [record for record in result.cells if record.failure is not None]
    lines = [("failed", "red", f"{r.cell}: {r.failure}") for r in failed[:_MOST_FAILURES]]
    if len(failed) > _MOST_FAILURES:
        lines.append(("", "", f"and {len(failed) - _MOST_FAILURES} more; see their records"))
    done = len(result.cells) - len(failed)
    counts = f"{counted(done, 'cell')} of one seed, {counted(len(result.speeds), 'speed')}"
    lines.append(("written", "cyan", f"{result.folder}/: {counts}"))
    if failed:
        lines.append(("again", "yellow", "--retry-failed runs failed cells once more"))
    console.print(facts(*lines))


def _best(cells: Sequence[CellRecord]) -> Iterator[CellRecord]:
    best: dict[tuple[str, float, str], CellRecord] = {}
    for record in cells:
        key = record.network, record.budget["macs"], record.recovery
        known = best.get(key)
        if record.outcome is None:
            continue
        if known is None or _miou(known) < record.outcome.score.miou:
            best[key] = record
    order = list(dict.fromkeys(key[:2] for key in best))
    for place in order:
        yield from (record for key, record in best.items() if key[:2] == place)


def _miou(record: CellRecord) -> float:
    return record.outcome.score.miou if record.outcome else 0.0
