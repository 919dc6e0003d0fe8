"""What `segprune inspect` prints of plans and artefacts, layer by layer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import NoneType
from typing import TYPE_CHECKING

from rich.console import Console
from rich.text import Text

from segprune.cli.render.common import facts, table
from segprune.errors import PlanError
from segprune.format import percent, plain, size_of
from segprune.models.weights import file_digest

if TYPE_CHECKING:
    from torch import nn

    from segprune.artifacts import Header
    from segprune.core.plan import PrunePlan

__all__ = ["Width", "show_header", "show_plan", "summary_of", "widths_of"]

_BAR = 12


@dataclass(frozen=True)
class Width:
    """A layer's channels before and after; `dense` is None where the file does not say."""

    layer: str
    dense: int | None
    kept: int


def widths_of(plan: PrunePlan, dense: nn.Module | None = None) -> list[Width]:
    """List every layer whose width a plan changes or notes, in the network's order if it is known.

    Dense widths are no part of a plan. They come from the notes that `segprune prune` leaves in
    it, or from the dense network.

    Raises:
        PlanError: the notes on the widths have another form.
    """
    from segprune.core.modules import layers_of

    declared = layers_of(dense) if dense is not None else []
    layers = _noted(plan) or declared
    if declared:  # a deployed network has fewer layers than its plan was made for
        there = {name for name, _, _ in declared}
        layers = [layer for layer in layers if layer[0] in there]
    if not layers:
        return [
            Width(name.removesuffix(".weight"), None, len(dims[0]))
            for name, dims in plan.kept.items()
            if name.endswith(".weight") and len(dims) > 1 and 0 in dims
        ]
    widths = []
    for weight, dim, full in layers:
        kept = plan.kept.get(weight, {}).get(dim)
        widths.append(
            Width(weight.removesuffix(".weight"), full, full if kept is None else len(kept))
        )
    return widths


def _noted(plan: PrunePlan) -> list[tuple[str, int, int]]:
    """Read each layer's weight, dimension of the rows and dense width from the plan's notes."""
    notes = plan.notes
    layers = notes["widths"] if "widths" in notes else notes["layers"] if _older(notes) else []
    good = isinstance(layers, list) and all(
        isinstance(layer, (list, tuple)) and [type(part) for part in layer] == [str, int, int]
        for layer in layers
    )
    if not good:
        raise PlanError(
            "plan: notes: expected widths as a list of [weight, dimension, width], found "
            f"{str(layers)[:60]!r}; the file was changed. Make the plan again."
        )
    return [tuple(layer) for layer in layers]


def _older(notes: Mapping[str, object]) -> bool:
    """Return whether `layers` are widths, as in plans of earlier versions, and not shares."""
    return not isinstance(notes.get("layers"), (dict, NoneType))


def summary_of(widths: Sequence[Width]) -> str:
    """Return how many layers are narrower and how many channels stay; "" without dense widths."""
    known = [(width.dense, width.kept) for width in widths if width.dense is not None]
    if not known:
        return ""
    before, after = sum(dense for dense, _ in known), sum(kept for _, kept in known)
    narrower = sum(kept < dense for dense, kept in known)
    text = f"{narrower} of {len(known)} layers are narrower; {after} of {before} channels stay"
    return f"{text} ({percent(after / before)})"


def show_header(file: Path, header: Header, widths: Sequence[Width]) -> None:
    """Print what an artefact is, its layers and its digests."""
    declared = "built in" if header.spec else "your own: to load it, the dense one is needed"
    size = size_of(file.stat().st_size)
    console = Console()
    console.print(
        Text.assemble((file.name, "bold"), f": a pruned {header.network} ({declared}), {size}")
    )
    more = [
        ("contents", "", f"sha256 {header.payload} (of all fields and tensors)"),
        ("file", "", f"sha256 {file_digest(file)}"),
    ]
    if header.spec:
        options = ", ".join(f"{key}={value}" for key, value in header.spec["options"].items())
        more.append(("network", "", f"{header.spec['name']}({options})"))
    more += [(key, "", plain(value)) for key, value in header.metadata.items() if value]
    _show_plan(console, header.plan, widths, more)


def show_plan(file: Path, plan: PrunePlan, widths: Sequence[Width]) -> None:
    """Print the layers and the digests of a plan."""
    console = Console()
    console.print(
        Text.assemble((file.name, "bold"), f": a plan that changes {len(plan.kept)} tensors")
    )
    _show_plan(console, plan, widths, [])


def _show_plan(
    console: Console,
    plan: PrunePlan,
    widths: Sequence[Width],
    more: Sequence[tuple[str, str, str]],
) -> None:
    rows = table("layer", "dense", "kept", "share")
    rows.add_column("")
    for width in widths:
        if width.dense is None:
            rows.add_row(width.layer, "?", str(width.kept))
            continue
        share = width.kept / width.dense
        filled = round(share * _BAR)
        rows.add_row(
            width.layer,
            str(width.dense),
            str(width.kept),
            percent(share),
            "█" * filled + "░" * (_BAR - filled),
            style="dim" if share == 1 else "",
        )
    console.print()
    console.print(rows)
    console.print()
    summary = summary_of(widths)
    whole = [("in all", "", summary)] if summary else []
    made = ", ".join(
        f"{key} {plain(value)}"
        for key, value in plan.notes.items()
        if value and key != "widths" and not (key == "layers" and _older(plan.notes))
    )
    digests = [("plan", "", f"sha256 {plan.digest}"), ("made for", "", f"sha256 {plan.network}")]
    console.print(facts(*whole, ("made by", "", made), *digests, *more))
