"""How much faster: two artefacts, or every plan of a sweep, each measured in turn with its dense
network. Nothing else should run meanwhile, so nothing here is done in parallel.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from segprune.artifacts import Header
from segprune.core.surgery import prune
from segprune.errors import ArtifactError, InputError
from segprune.format import shape_of
from segprune.records.environment import environment
from segprune.records.io import new_folder, write_record
from segprune.records.sweep import CellRecord, SpeedRecord
from segprune.speed import SpeedInput, measure
from segprune.training.recipe import Recipe
from segprune.workflows.dense import random_example
from segprune.workflows.folder import choose_folder
from segprune.workflows.jobs import SpeedJob
from segprune.workflows.open import open_files
from segprune.workflows.sweep.folder import SweepFolder
from segprune.workflows.train.start import load_artifact

__all__ = ["SpeedResult", "measure_plans", "run_speed"]

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class SpeedResult:
    """A record, and the folder that it is in."""

    folder: Path
    record: SpeedRecord


def run_speed(job: SpeedJob, progress: Progress = lambda done, total: None) -> SpeedResult:
    """Measure two networks in turn, the second an artefact, and write `out/<name>/speed.json`.

    Raises:
        ArtifactError: a file that is no artefact, or of another network.
        ModelError: no such factory.
        InputError: artefacts that name no input or different ones, too few pairs, or a name that is
            taken.
    """
    reference, candidate = job.reference, job.candidate
    folder = choose_folder(job.out, job.name, f"{candidate.stem}-speed", replace=job.replace)
    first, second = open_files((reference, candidate), job.model)
    size = job.input or _common_input({reference: first.header, candidate: second.header})
    one, other, plan = first.network, second.network, second.plan
    if plan is None:
        raise ArtifactError(
            f"{candidate}: expected the artefact of a pruned network in second place, found "
            "weights; give those of the dense network first."
        )
    example = random_example(size, job.seed, job.memory_format)
    for path, network in ((reference, one), (candidate, other)):
        _require_runs(path, network, example)
    speed = measure(
        one, other, example, pairs=job.pairs, threads=job.threads, seed=job.seed, progress=progress,
    )  # fmt: skip
    record = SpeedRecord(
        command=job.command,
        name=folder.name,
        reference=reference.stem,
        candidate=candidate.stem,
        reference_artifact=first.digest,
        candidate_artifact=second.digest,
        candidate_plan=plan.digest,
        input=size,
        memory_format=job.memory_format,
        seed=job.seed,
        speed=speed,
        environment=environment(),
    )
    with new_folder(folder, replace=job.replace) as staging:
        write_record(staging / "speed.json", record)
    return SpeedResult(folder, record)


def measure_plans(
    folder: SweepFolder,
    bases: Mapping[str, Recipe],
    records: Iterable[CellRecord],
    *,
    pairs: int,
    seed: int,
    at: SpeedInput | None = None,
    command: tuple[str, ...] = (),
    progress: Progress = lambda done, total: None,
) -> None:
    """Measure each plan of a sweep once, on one thread; what is measured already is left alone.

    Speed depends on widths alone: cells of one plan share it, whatever was done to the weights.

    Args:
        at: one batch; None means one of the cells' size.
    """
    plans: dict[str, CellRecord] = {}
    for record in records:
        if record.outcome is not None:
            plans.setdefault(record.outcome.plan, record)
    networks: dict[str, nn.Module] = {}
    for number, (digest, record) in enumerate(plans.items()):
        progress(number, len(plans))
        name = f"{record.network}-{digest[:16]}"
        if folder.find(SpeedRecord, name) is not None:
            continue
        if record.network not in networks:
            networks[record.network] = _dense(bases[record.network], len(record.classes))
        dense = networks[record.network]
        size, memory_format = at or SpeedInput(record.input)
        speed = measure(
            dense, prune(dense, folder.plan(digest)), random_example(size, seed, memory_format),
            pairs=pairs, seed=seed,
        )  # fmt: skip
        measured = SpeedRecord(
            command=command,
            name=name,
            reference=f"{record.network}-dense",
            candidate=record.plan_name,
            reference_artifact=record.source,
            candidate_artifact=None,
            candidate_plan=digest,
            input=size,
            memory_format=memory_format,
            seed=seed,
            speed=speed,
            environment=environment(),
        )
        folder.keep(name, measured)
    progress(len(plans), len(plans))


def _dense(base: Recipe, classes: int) -> nn.Module:
    assert base.network.init_from is not None  # as `read_bases` has it
    return load_artifact(base.network.init_from, base, classes)


def _require_runs(path: Path, network: nn.Module, example: Tensor) -> None:
    try:
        with torch.inference_mode():
            network.eval()(example)
    except Exception as error:  # whatever a user's network raises
        first = (str(error).splitlines() or [""])[0]
        raise InputError(
            f"input: expected a size that {path.name} runs at, found "
            f"{shape_of(example.shape)}: {type(error).__name__}: {first}; pass --input "
            "as NxCxHxW."
        ) from error


def _common_input(headers: Mapping[Path, Header | None]) -> tuple[int, ...]:
    sizes = [header.input for header in headers.values() if header is not None]
    known = [size for size in sizes if size is not None]
    if not known:
        raise InputError(
            f"input: expected its size in {' or '.join(path.name for path in headers)}, found "
            "none; pass --input, as 1x3x512x1024."
        )
    if known[0] != known[-1]:
        found = " and ".join(map(shape_of, known))
        raise InputError(
            f"input: expected one for both artefacts, found {found}; pass --input to choose."
        )
    return known[0]
