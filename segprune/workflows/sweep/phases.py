"""A sweep: every cell is run once, whatever fails or is interrupted on the way.

    1  each dense network is scored                        (worker processes)
    2  cells without training                              (worker processes)
    3  cells with training, chosen by the scores of 2      (worker processes)
    4  speed of each plan beside its dense network         (here, with nothing else running)

What has a record is not run again, so the same call goes on where an earlier one stopped.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from segprune.errors import InputError
from segprune.models.weights import file_digest
from segprune.records.sweep import CellRecord, SpeedRecord
from segprune.speed import SpeedInput
from segprune.training.recipe import Recipe
from segprune.training.sweep_recipe import SweepRecipe
from segprune.workflows.folder import only_one
from segprune.workflows.jobs import RUNS, SWEEP_PAIRS, Progress
from segprune.workflows.speed import measure_plans
from segprune.workflows.sweep.cells import Cell, best_plans, expand, is_trained
from segprune.workflows.sweep.engine import Engine, Job
from segprune.workflows.sweep.folder import DenseRecord, SweepFolder
from segprune.workflows.sweep.tasks import cell_record

__all__ = ["Listed", "SweepResult", "list_cells", "run_sweep"]

_TASKS = "segprune.workflows.sweep.tasks"


@dataclass(frozen=True)
class SweepResult:
    """The result of a sweep.

    Attributes:
        cells: all records, in the recipe's order.
        speeds: by digest of the plan; none where speed was left out.
    """

    folder: Path
    cells: tuple[CellRecord, ...]
    speeds: Mapping[str, SpeedRecord]


@dataclass(frozen=True)
class Listed:
    """A cell and how far it is; "open" means that scores yet to come decide whether it is run."""

    cell: Cell
    state: Literal["done", "failed", "to do", "open", "not chosen"]


def run_sweep(
    sweep: SweepRecipe,
    bases: Mapping[str, Recipe],
    engine: Engine,
    *,
    out: Path = RUNS,
    only: Literal["cells", "speed"] | None = None,
    retry_failed: bool = False,
    pairs: int = SWEEP_PAIRS,
    command: tuple[str, ...] = (),
    progress: Progress = lambda step, done, total: None,
) -> SweepResult:
    """Run what is left of a sweep, in `out/<name>`; see `sweep_folder` for what is in it.

    Args:
        bases: the recipe of each network by its label, as `read_bases` gives it.
        engine: runs the jobs, such as `Processes`.
        only: "cells" leaves speed out, and "speed" measures the plans of cells that are done.
        retry_failed: run cells again whose record says that they failed.
        pairs: of calls, for each plan's speed.

    Raises:
        InputError: the folder is of another recipe, another process is at it, or a dense network
            cannot be scored, without which no cell means anything. A cell that fails is recorded,
            and no error.
    """
    cells = expand(sweep, bases)
    sources = _sources(bases)
    folder = SweepFolder(out / sweep.name)
    folder.begin(sweep, bases)
    _check_same(sources, folder)
    with only_one(folder.path):
        if only != "speed":
            run = _Run(sweep, folder, engine, command, progress)
            if retry_failed:
                run.forget_failed(cells)
            run.dense(cells)
            run.untrained([cell for cell in cells if not is_trained(cell.recovery)])
            run.trained(_chosen(sweep, folder, cells))
        records = _records(folder, cells)
        if only != "cells":
            measure_plans(
                folder, bases, records, pairs=pairs, seed=sweep.seed, at=_speed_at(sweep),
                command=command, progress=lambda done, total: progress("speed", done, total),
            )  # fmt: skip
    return SweepResult(folder.path, records, _speeds(folder))


def _speed_at(sweep: SweepRecipe) -> SpeedInput | None:
    size = sweep.speed_input
    return None if size is None else SpeedInput(size, sweep.speed_memory_format)


def list_cells(sweep: SweepRecipe, bases: Mapping[str, Recipe], out: Path) -> tuple[Listed, ...]:
    """List what a sweep has done and has to do, as far as is known; change nothing.

    Raises:
        InputError: as for `run_sweep`.
    """
    cells = expand(sweep, bases)
    folder = SweepFolder(out / sweep.name)
    if folder.path.exists():
        folder.begin(sweep, bases)
    records = {cell.name: folder.find(CellRecord, cell.name) for cell in cells}
    decided = all(records[cell.name] for cell in cells if not is_trained(cell.recovery))
    chosen = {cell.name for cell in _chosen(sweep, folder, cells)}

    def state(cell: Cell) -> Literal["done", "failed", "to do", "open", "not chosen"]:
        record = records[cell.name]
        if record is not None:
            return "done" if record.outcome else "failed"
        if not is_trained(cell.recovery) or sweep.best is None:
            return "to do"
        if not decided:
            return "open"
        return "to do" if cell.name in chosen else "not chosen"

    return tuple(Listed(cell, state(cell)) for cell in cells)


# -- phases ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Run:
    """One attempt at a sweep's jobs."""

    sweep: SweepRecipe
    folder: SweepFolder
    engine: Engine
    command: tuple[str, ...]
    progress: Progress

    def forget_failed(self, cells: Iterable[Cell]) -> None:
        for cell in cells:
            record = self.folder.find(CellRecord, cell.name)
            if record is not None and record.failure is not None:
                self.folder.forget_cell(cell.name)

    def dense(self, cells: Sequence[Cell]) -> None:
        first = {cell.network: cell for cell in reversed(cells)}
        missing = {
            label: cell for label, cell in first.items() if not self.folder.find(DenseRecord, label)
        }
        jobs = [self._job(label, "evaluate_dense", [missing[label]]) for label in sorted(missing)]
        self.progress("dense networks", len(first) - len(jobs), len(first))
        with contextlib.closing(self.engine.run(jobs)) as results:
            for number, ended in enumerate(results, len(first) - len(jobs) + 1):
                if ended.failure is not None:
                    raise InputError(
                        f"{ended.job.name}: expected a score of the dense network, with which its "
                        f"cells are compared, found: {ended.failure}"
                    )
                self.progress("dense networks", number, len(first))

    def untrained(self, cells: Sequence[Cell]) -> None:
        grouped: dict[str, list[Cell]] = {}
        for cell in self._left(cells):
            grouped.setdefault(cell.plan_name, []).append(cell)
        jobs = [self._job(name, "prune_cells", group) for name, group in grouped.items()]
        self._work("cells", jobs, cells)

    def trained(self, cells: Sequence[Cell]) -> None:
        jobs = [self._job(cell.name, "train_cell", [cell]) for cell in self._left(cells)]
        self._work("trainings", jobs, cells)

    def _left(self, cells: Iterable[Cell]) -> list[Cell]:
        return [cell for cell in cells if self.folder.find(CellRecord, cell.name) is None]

    def _job(self, name: str, task: str, cells: Sequence[Cell]) -> Job:
        arguments = {
            "folder": str(self.folder.path),
            "sweep": self.sweep.name,
            "command": list(self.command),
            "cells": [cell.to_plain() for cell in cells],
        }
        return Job(name, f"{_TASKS}:{task}", arguments)

    def _work(self, step: str, jobs: Sequence[Job], cells: Sequence[Cell]) -> None:
        if not cells:
            return
        known = {cell.name: cell for cell in cells}
        left = sum(len(job.arguments["cells"]) for job in jobs)
        self.progress(step, len(cells) - left, len(cells))
        with contextlib.closing(self.engine.run(jobs)) as results:
            for ended in results:
                own = [known[content["name"]] for content in ended.job.arguments["cells"]]
                self._record_failures(own, ended.failure)
                left -= len(own)
                self.progress(step, len(cells) - left, len(cells))

    def _record_failures(self, cells: Sequence[Cell], failure: str | None) -> None:
        """Record the cells that a job left without a record as failed, so that they are skipped."""
        reason = failure or (
            "the job: expected a record of the cell, found none though it ended well; see whether "
            "the engine works in this folder."
        )
        for cell in self._left(cells):
            dense = self.folder.find(DenseRecord, cell.network)
            assert dense is not None
            record = cell_record(cell, dense, self.command, None, reason)
            self.folder.keep(cell.name, record)


# -- what there is ---------------------------------------------------------------------------------


def _chosen(sweep: SweepRecipe, folder: SweepFolder, cells: Sequence[Cell]) -> list[Cell]:
    trained = [cell for cell in cells if is_trained(cell.recovery)]
    if sweep.best is None or not trained:
        return trained
    ranked = _records(folder, [cell for cell in cells if cell.recovery == "recalibrated"])
    best = best_plans(ranked, sweep.best.count, sweep.best.budgets)
    return [cell for cell in trained if cell.plan_name in best]


def _records(folder: SweepFolder, cells: Iterable[Cell]) -> tuple[CellRecord, ...]:
    found = (folder.find(CellRecord, cell.name) for cell in cells)
    return tuple(record for record in found if record is not None)


def _speeds(folder: SweepFolder) -> dict[str, SpeedRecord]:
    names = sorted(path.stem for path in (folder.path / "speed").glob("*.json"))
    records = (folder.find(SpeedRecord, name) for name in names)
    return {record.candidate_plan: record for record in records if record is not None}


def _sources(bases: Mapping[str, Recipe]) -> dict[str, str]:
    """Digests of the dense artefacts, by label."""
    found = {}
    for label, base in bases.items():
        path = base.network.init_from
        assert path is not None  # as `read_bases` has it
        if not path.is_file():
            raise InputError(
                f"{label}: expected its dense artefact, found no file {path}; train it with "
                "segprune train, or name another one in its recipe."
            )
        found[label] = file_digest(path)
    return found


def _check_same(sources: Mapping[str, str], folder: SweepFolder) -> None:
    """Check that every dense artefact is the one that the sweep began with."""
    for label, digest in sources.items():
        dense = folder.find(DenseRecord, label)
        if dense is not None and dense.source != digest:
            raise InputError(
                f"{label}: expected the dense artefact that this sweep began with "
                f"({dense.source[:12]}), found another ({digest[:12]}); give the recipe another "
                f"name, or remove {folder.path}."
            )
