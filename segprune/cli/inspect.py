"""`segprune inspect`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from segprune.cli.guard import guarded
from segprune.errors import ArtifactError

if TYPE_CHECKING:
    from segprune.plan import PrunePlan

__all__ = ["Width", "inspect", "widths_of"]


@dataclass(frozen=True)
class Width:
    """A layer's channels before and after; `dense` is None where the file does not tell."""

    layer: str
    dense: int | None
    kept: int


@guarded
def inspect(
    file: Annotated[
        Path,
        typer.Argument(metavar="FILE", help="A pruned network (*.safetensors), or a plan.json."),
    ],
) -> None:
    """Say what a file holds: how it was made, and every layer's width before and after.

    [bold]Examples[/bold]

      [cyan]segprune inspect runs/NAME/NAME.safetensors[/cyan]
      [cyan]segprune inspect runs/NAME/plan.json[/cyan]
    """
    from segprune.artifacts import read_header
    from segprune.cli.show import show_header, show_plan, show_result
    from segprune.pipeline import PruneRecord
    from segprune.plan import PrunePlan
    from segprune.records import read_record

    if file.is_dir():
        inside = sorted(path.name for path in file.iterdir() if path.suffix in _SUFFIXES)
        raise ArtifactError(
            f"{file}: expected a file, found a folder; pass one of the files in it: "
            f"{', '.join(inside[:5]) or 'it holds none of segprune'}."
        )
    if file.suffix != ".json":
        header = read_header(file)
        show_header(file, header, widths_of(header.plan, header.spec))
    elif '"segprune.prune/' in _text(file)[:200]:
        show_result(read_record(PruneRecord, file), None)
    else:
        plan = PrunePlan.from_json(_text(file))
        show_plan(file, plan, widths_of(plan, None))


_SUFFIXES = (".json", ".safetensors")


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "bytes that are no text"
        raise ArtifactError(
            f"{file}: expected a plan or a record in JSON, found {reason}; check the path."
        ) from error


def widths_of(plan: PrunePlan, spec: Mapping[str, Any] | None) -> list[Width]:
    """Every layer that a plan tells about, in the network's order where that is known.

    Dense widths are no part of a plan. They come from the notes that `segprune prune` leaves in
    it, or from the built-in network that `spec` declares.
    """
    layers = plan.notes.get("layers") or _declared(spec)
    if not layers:
        return [
            Width(name.removesuffix(".weight"), None, len(dims[0]))
            for name, dims in plan.kept.items()
            if name.endswith(".weight") and len(dims) > 1 and 0 in dims
        ]
    widths = []
    for weight, dim, dense in layers:
        kept = plan.kept.get(weight, {}).get(dim)
        widths.append(
            Width(weight.removesuffix(".weight"), dense, dense if kept is None else len(kept))
        )
    return widths


def _declared(spec: Mapping[str, Any] | None) -> list[tuple[str, int, int]]:
    """Row dimension and width of every layer of a built-in network, without its numbers."""
    if spec is None:
        return []
    import torch

    from segprune.models import build

    with torch.device("meta"):
        network = build(spec["name"], **spec["options"])
    found = []
    for name, module in network.named_modules():
        weight = getattr(module, "weight", None)
        if isinstance(weight, torch.Tensor) and weight.dim() > 1:
            dim = int(bool(getattr(module, "transposed", False)))
            found.append((f"{name}.weight", dim, weight.shape[dim]))
    return found
