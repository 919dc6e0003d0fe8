"""What the figures were made with: data, sizes, seeds, versions, processors, command lines."""

from __future__ import annotations

import shlex
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from segprune.format import counted, shape_of
from segprune.records.environment import Environment
from segprune.records.sweep import CellRecord
from segprune.records.training import TrainingRecord
from segprune.reporting.dataset_report import DatasetReport
from segprune.reporting.store import Collection

__all__ = ["commands", "conditions"]

_MOST = 12


def conditions(report: DatasetReport, collection: Collection) -> list[str]:
    """Return bullets about one data set."""
    records = report.trainings
    cells = report.sweep.cells if report.sweep else ()
    both: list[TrainingRecord | CellRecord] = [*records, *cells]
    lines = []
    sizes = {record.input for record in both}
    images = {
        *(f"{r.training_images} for training, {r.validation_images} for validation"
          for r in records),
        *(f"{c.validation_images} for validation" for c in cells if not records),
    }  # fmt: skip
    classes = {len(record.classes) for record in both}
    lines.append(
        f"Data: {report.data}, {_alternatives(map(str, classes))} classes, images: "
        f"{_alternatives(images)}; input {_alternatives(shape_of(s, '×') for s in sizes)}."
    )
    digests = {record.validation_digest for record in both}
    lines.append(f"Validation split (SHA-256): {_alternatives(f'`{d[:16]}…`' for d in digests)}.")
    for network in report.networks:
        options = {_options(r.recipe) for r in records if r.network == network}
        options |= {_options(c.recipe) for c in cells if c.network == network}
        found = _alternatives(option for option in options if option)
        if found:
            lines.append(f"{network}: {found}.")
    if records:
        seeds = sorted({record.seed for record in records})
        steps = sorted({record.work.steps for record in records})
        lines.append(
            f"Trainings: {len(records)}, seeds {', '.join(map(str, seeds))}, "
            f"{_span(steps)} steps, {_span([r.work.epochs for r in records])} epochs; "
            f"{_machines(record.environment for record in records)}; "
            f"{_packages(record.packages for record in records)}."
        )
    if report.sweep:
        seeds = sorted({cell.seed for cell in cells})
        failed = sum(cell.outcome is None for cell in cells)
        lines.append(
            f"Sweep: {len(cells)} cells, {failed} failed, seeds {', '.join(map(str, seeds))}; "
            f"{_machines(cell.environment for cell in cells)}; "
            f"{_packages(cell.packages for cell in cells)}."
        )
    speeds = report.speeds_of(collection)
    if speeds:
        # An environment notes the threads of its process; these are those that were measured with.
        measured = (replace(s.environment, threads=s.speed.threads) for s in speeds)
        lines.append(
            f"Speed: {len(speeds)} pairs of networks, {_span([s.speed.pairs for s in speeds])} "
            f"interleaved runs each; {_machines(measured)}."
        )
    return [f"- {line}" for line in lines]


def commands(report: DatasetReport, collection: Collection) -> list[str]:
    """Return the command lines, each once."""
    records = report.trainings
    cells = report.sweep.cells if report.sweep else ()
    found = [shlex.join(record.command) for record in records]
    found += [shlex.join(cell.command) for cell in cells]
    found += [shlex.join(speed.command) for speed in report.speeds_of(collection)]
    found += [shlex.join(record.command) for record in report.sensitivities.values()]
    found += [shlex.join(record.command) for record in report.evaluations.values()]
    lines = list(dict.fromkeys(found))
    more = [f"# and {len(lines) - _MOST} more, in the records"] if len(lines) > _MOST else []
    return [*lines[:_MOST], *more]


def _options(recipe: str) -> str:
    network = tomllib.loads(recipe)["network"]
    options = network.get("options", {})
    return ", ".join(f"{key}={value}" for key, value in sorted(options.items()))


def _machines(environments: Iterable[Environment]) -> str:
    return _alternatives(
        f"{e.gpu + ' beside ' if e.gpu else ''}{e.cpu}, {counted(e.cores, 'core')}, "
        f"{counted(e.threads, 'thread')}, torch {e.torch}, Python {e.python}"
        for e in environments
    )


def _packages(found: Iterable[Mapping[str, str]]) -> str:
    return _alternatives(
        ", ".join(f"{name} {version}" for name, version in sorted(packages.items()))
        for packages in found
    )


def _alternatives(found: Iterable[str]) -> str:
    return " or ".join(sorted(set(found)))


def _span(values: Sequence[int]) -> str:
    return str(min(values)) if min(values) == max(values) else f"{min(values)} to {max(values)}"
