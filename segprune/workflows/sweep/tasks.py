"""What the jobs of a sweep do in their workers: they write records, and raise where they fail.

evaluate_dense   a network    -> its dense record
prune_cells      a plan       -> records of "none" and "recalibrated"
train_cell       a cell       -> an artefact, and the record of "fine-tuned" or "distilled"
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import nn

from segprune.artifacts import read_header
from segprune.core.plan import PrunePlan
from segprune.core.planning.cost import cost
from segprune.core.planning.make_plan import make_plan
from segprune.core.surgery import prune
from segprune.core.tracing.graph import layer_name
from segprune.core.verification.verify import verify
from segprune.core.verification.violations import Violation
from segprune.errors import ArtifactError, PruneError
from segprune.evaluation.evaluate import evaluate
from segprune.records.environment import environment
from segprune.records.io import read_record
from segprune.records.score import Score
from segprune.records.sweep import CellRecord, Outcome
from segprune.records.training import TrainingRecord, package_versions
from segprune.training.recalibration import recalibrate
from segprune.training.toml import to_toml
from segprune.workflows.jobs import Progress
from segprune.workflows.sweep.cells import Cell
from segprune.workflows.sweep.folder import DenseRecord, LayerAxis, SweepFolder, widths_of
from segprune.workflows.sweep.workspace import Workspace
from segprune.workflows.train.images import CALIBRATION, RECALIBRATION
from segprune.workflows.train.run import run_recover
from segprune.workflows.train.run_folder import RECORD

__all__ = ["cell_record", "evaluate_dense", "prune_cells", "train_cell"]

_kept: tuple[tuple[str, str], Workspace] | None = None
"""The workspace of the network that this worker is at, under its sweep's folder and its label."""


def evaluate_dense(arguments: Mapping[str, Any], progress: Progress) -> None:
    """Score a dense network, count it, and digest the images it is scored on."""
    folder, (cell,) = SweepFolder(Path(arguments["folder"])), _cells(arguments)
    work = _workspace(folder, cell)
    images, network = work.images, work.start.network
    counted = cost(network, work.graph)
    inference = set(work.graph.parameters)
    layers = work.graph.state.layers
    record = DenseRecord(
        command=tuple(arguments["command"]),
        sweep=arguments["sweep"],
        network=cell.network,
        data=cell.recipe.data.name,
        classes=images.validation.classes.names,
        input=tuple(images.example.shape),
        validation_images=len(images.validation),
        validation_digest=images.validation.digest(),
        source=work.start.source or "",
        params=counted.params,
        macs=counted.macs,
        layers=tuple(
            LayerAxis(layer_name(weight), weight, layer.row_dim, len(layer.rows))
            for weight, layer in layers.items()
            if weight in inference
        ),
        score=_score(network, work, progress),
        packages=package_versions(),
        environment=environment(),
        preprocessing=images.preprocessing,
        normalisation=images.normalisation.source,
    )
    folder.keep(cell.network, record)


def prune_cells(arguments: Mapping[str, Any], progress: Progress) -> None:
    """Plan, prune and prove once; then a record of each way to leave the weights untrained."""
    folder, cells = SweepFolder(Path(arguments["folder"])), _cells(arguments)
    began = time.monotonic()
    work, dense = _workspace(folder, cells[0]), _dense(folder, cells[0])
    progress("plan", 0, 1)
    plan = _plan(work, cells[0])
    network = work.start.network
    small = prune(network, plan)
    progress("verify", 0, 1)
    # Nothing is trained yet: kept values are compared with the dense network's, too.
    _require_proved(verify(network, small, plan, work.graph))
    folder.keep_plan(plan)
    counted = cost(small, work.images.example)
    for cell in sorted(cells, key=lambda cell: cell.recovery != "none"):
        if cell.recovery == "recalibrated":
            count = cell.recipe.recalibration.batches
            recalibrate(
                small, (images for images, _ in work.batches(count, RECALIBRATION)),
                progress=lambda done, total=count or 0: progress("recalibrate", done, total),  # type: ignore[misc]
            )  # fmt: skip
        outcome = Outcome(
            plan=plan.digest,
            params=counted.params,
            macs=counted.macs,
            widths=widths_of(plan, dense.layers),
            score=_score(small, work, progress),
            steps=0,
            seconds=round(time.monotonic() - began, 2),
        )
        folder.keep(cell.name, cell_record(cell, dense, arguments["command"], outcome, None))
        began = time.monotonic()


def train_cell(arguments: Mapping[str, Any], progress: Progress) -> None:
    """Recover as `segprune recover` does; an interrupted training is taken up again."""
    global _kept
    folder, (cell,) = SweepFolder(Path(arguments["folder"])), _cells(arguments)
    _kept = None  # the training has images and networks of its own
    dense = _dense(folder, cell)
    run = folder.runs / cell.name
    if (run / RECORD).exists():  # ended between its own record and the cell's
        record = read_record(TrainingRecord, run / RECORD)
    else:
        result = run_recover(
            cell.recipe, out=folder.runs, command=arguments["command"][1:], progress=progress
        )
        _require_proved(result.violations)
        assert result.record is not None
        record = result.record
    plan = read_header(run / f"{cell.name}.safetensors").plan
    folder.keep_plan(plan)
    outcome = Outcome(
        plan=plan.digest,
        params=record.params,
        macs=record.macs,
        widths=widths_of(plan, dense.layers),
        score=record.scores["result"],
        steps=record.work.steps,
        seconds=record.work.seconds,
    )
    folder.keep(cell.name, cell_record(cell, dense, arguments["command"], outcome, None))


def cell_record(
    cell: Cell, dense: DenseRecord, command: tuple[str, ...], outcome: Outcome | None,
    failure: str | None,
) -> CellRecord:  # fmt: skip
    """Return the record of a cell, whether it has an outcome or failed."""
    config = cell.config.to_plain()
    return CellRecord(
        command=tuple(command),
        sweep=dense.sweep,
        cell=cell.name,
        network=cell.network,
        data=dense.data,
        budget=config["budget"],
        importance=config["importance"],
        scope=config["scope"],
        recovery=cell.recovery,
        seed=cell.recipe.seed,
        recipe=to_toml(cell.recipe.portable()),
        classes=dense.classes,
        input=dense.input,
        validation_images=dense.validation_images,
        validation_digest=dense.validation_digest,
        source=dense.source,
        dense_params=dense.params,
        dense_macs=dense.macs,
        dense_score=dense.score,
        outcome=outcome,
        failure=failure,
        packages=package_versions(),
        environment=environment(),
        preprocessing=dense.preprocessing,
        normalisation=dense.normalisation,
    )


# -- steps -----------------------------------------------------------------------------------------


def _cells(arguments: Mapping[str, Any]) -> tuple[Cell, ...]:
    return tuple(Cell.from_plain(content) for content in arguments["cells"])


def _workspace(folder: SweepFolder, cell: Cell) -> Workspace:
    """Return the workspace of the cell's network; only one is kept, to save memory."""
    global _kept
    key = (str(folder.path), cell.network)
    if _kept is None or _kept[0] != key:
        _kept = None
        _kept = key, Workspace(cell.recipe)
    return _kept[1]


def _dense(folder: SweepFolder, cell: Cell) -> DenseRecord:
    record = folder.find(DenseRecord, cell.network)
    if record is None:
        raise ArtifactError(
            f"{cell.network}: expected the record of its dense network, found none; run the sweep "
            "again from its beginning."
        )
    return record


def _plan(work: Workspace, cell: Cell) -> PrunePlan:
    """Make the plan that `segprune recover` would make of the cell's recipe."""
    section = cell.recipe.pruning
    assert section is not None
    return make_plan(
        work.start.network,
        work.graph,
        config=dataclasses.replace(cell.config, importance=work.importance(section.importance)),
        calibration=_Batches(work, section.batches),
    )


@dataclasses.dataclass(frozen=True)
class _Batches:
    """Calibration that is read only if an importance looks at it."""

    work: Workspace
    count: int | None

    def __iter__(self) -> Any:
        return self.work.batches(self.count, CALIBRATION)


def _score(network: nn.Module, work: Workspace, progress: Progress) -> Score:
    return evaluate(
        network, work.images.validation, preprocessing=work.images.preprocessing,
        progress=lambda done, total: progress("evaluate", done, total),
    )  # fmt: skip


def _require_proved(violations: tuple[Violation, ...]) -> None:
    if violations:
        first = violations[0]
        more = f" and {len(violations) - 1} more" if len(violations) > 1 else ""
        raise PruneError(
            f"{first.where}: {first.message} ({first.kind}{more}); the pruned network is not what "
            "its plan makes of the dense one. Report this network to the authors."
        )
