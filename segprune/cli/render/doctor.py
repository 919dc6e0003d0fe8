"""The report of `segprune doctor` in the terminal."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console

from segprune.cli.render.common import facts, reach_facts
from segprune.format import amount

if TYPE_CHECKING:
    from segprune.records.doctor import DoctorRecord, TraceFindings

__all__ = ["show_report"]


def show_report(report: DoctorRecord, file: Path | None) -> None:
    """Print the installation, the machine, and what the trace says."""
    Console().print(facts(*_rows(report, file)))


def _rows(report: DoctorRecord, file: Path | None) -> Iterator[tuple[str, str, str]]:
    here = report.environment
    yield "segprune", "", f"{here.segprune}, torch {here.torch}, Python {here.python}"
    yield "machine", "", f"{here.cpu}, {here.cores} cores, {here.system}, {here.gpu or 'no GPU'}"
    yield "threads", "", f"{here.threads}, instructions {here.capability}"
    missing = [name for name, version in report.packages.items() if version == "missing"]
    if missing:
        yield "missing", "yellow", f"{', '.join(missing)}: packages of the extras"
    if report.trace is not None:
        yield from _trace_rows(report.trace)
    if file is not None:
        yield "written", "cyan", str(file)


def _trace_rows(found: TraceFindings) -> Iterator[tuple[str, str, str]]:
    subject = f"{found.model}, {'x'.join(map(str, found.input))}"
    if found.error:
        yield "trace", "red", f"{subject}: {found.error}"
        return
    yield (
        "trace",
        "green",
        f"{subject}: {found.layers} layers, {found.channels} channels, "
        f"{amount(found.params)} parameters, {amount(found.macs)} MACs",
    )
    yield from reach_facts(found.free_share, found.frozen, found.unreached)
    for name, why in found.untraced.items():
        yield "untraced", "yellow", f"{name}: {why}"
    if found.needs_data:
        yield "data", "yellow", f"traced on real tensors: {found.needs_data}"
