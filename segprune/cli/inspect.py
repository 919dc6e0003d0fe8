"""`segprune inspect`."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from segprune.cli.errors import guarded
from segprune.cli.parsing import require_file
from segprune.errors import ArtifactError

__all__ = ["inspect"]

_SUFFIXES = (".json", ".safetensors")


@guarded
def inspect(
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE",
            help="A pruned network (*.safetensors), or a plan or record (JSON) of a run.",
        ),
    ],
) -> None:
    """Say what a file holds: how it was made, and every layer's width before and after.

    The file is checked on the way: one that was truncated, changed or written by something else
    is refused. To prove that the network in it is right, use segprune verify.

    [bold]Examples[/bold]

      [cyan]segprune inspect runs/NAME/NAME.safetensors[/cyan]
      [cyan]segprune inspect runs/NAME/plan.json[/cyan]
    """
    require_file(file, "an artefact, a plan or a record of segprune")

    from segprune.artifacts import is_artifact, outline, read_header
    from segprune.cli.render.artifact import show_header, show_plan, widths_of
    from segprune.core.plan import PrunePlan

    if file.is_dir():
        inside = sorted(path.name for path in file.iterdir() if path.suffix in _SUFFIXES)
        raise ArtifactError(
            f"{file}: expected a file, found a folder; pass one of the files in it: "
            f"{', '.join(inside[:5]) or 'it holds none of segprune'}."
        )
    if file.is_file() and file.suffix != ".json" and not is_artifact(file):
        raise ArtifactError(_about_weights(file))
    if file.suffix != ".json":
        header = read_header(file)
        dense = None if header.spec is None else outline(header, file)
        show_header(file, header, widths_of(header.plan, dense))
        return
    text = _text(file)
    if not _is_shown_as_record(file, _schema(text)):
        plan = PrunePlan.from_json(text)
        show_plan(file, plan, widths_of(plan))


def _is_shown_as_record(file: Path, schema: str) -> bool:
    """Show a record as its own command does; return False for a file that is none."""
    from segprune.cli.render.doctor import show_report
    from segprune.cli.render.evaluate import show_score
    from segprune.cli.render.prune import show_result
    from segprune.cli.render.sensitivity import show_sensitivity
    from segprune.cli.render.speed import show_speed
    from segprune.cli.render.train import show_training
    from segprune.records.doctor import DoctorRecord
    from segprune.records.evaluation import EvaluationRecord
    from segprune.records.io import read_record
    from segprune.records.prune import PruneRecord
    from segprune.records.sensitivity import SensitivityRecord
    from segprune.records.sweep import SpeedRecord
    from segprune.records.training import TrainingRecord

    kinds: dict[type, Callable[[Any], None]] = {
        DoctorRecord: lambda found: show_report(found, None),
        EvaluationRecord: lambda found: show_score(found.score, found.classes),
        PruneRecord: lambda found: show_result(found, None),
        SensitivityRecord: lambda found: show_sensitivity(found, None),
        SpeedRecord: lambda found: show_speed(found, file.parent),
        TrainingRecord: lambda found: show_training(found, file.parent),
    }
    for kind, show in kinds.items():
        if schema.partition("/")[0] == kind.SCHEMA.partition("/")[0]:  # type: ignore[attr-defined]
            record: Any = read_record(kind, file)
            if kind is not DoctorRecord:  # it keeps no command
                typer.echo(shlex.join(record.command))
            show(record)
            return True
    return False


def _about_weights(file: Path) -> str:
    """Say what a file of weights holds, and which commands take it; it may be of any network.

    Raises:
        ArtifactError: it holds no weights.
    """
    from segprune.format import amount, few
    from segprune.models.weights import read_weights

    state = read_weights(file)
    numbers = amount(sum(tensor.numel() for tensor in state.values()))
    return (
        f"{file}: expected a file that segprune wrote, found weights without a network: "
        f"{len(state)} tensors of {numbers} numbers in all ({few(list(state))}). They are of a "
        "dense network; name it beside them: segprune prune package.module:factory --weights "
        f"{file} removes channels, segprune eval package.module:factory --weights {file} --data "
        "folder --root FOLDER scores it."
    )


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "bytes that are no text"
        raise ArtifactError(
            f"{file}: expected a plan or a record in JSON, found {reason}; check the path."
        ) from error


def _schema(text: str) -> str:
    """What a JSON file says it is; empty where it says nothing, for the plan's reader to refuse."""
    try:
        content = json.loads(text)
    except (ValueError, RecursionError):
        return ""
    return str(content.get("schema", "")) if isinstance(content, dict) else ""
