"""What `segprune sensitivity` prints: what each layer costs, and what is lost without it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console

from segprune.cli.render.common import facts, frames_or_random, table
from segprune.format import percent

if TYPE_CHECKING:
    from segprune.records.sensitivity import SensitivityRecord

__all__ = ["show_sensitivity"]


def show_sensitivity(record: SensitivityRecord, folder: Path | None) -> None:
    """Print a row a layer, least output error first."""
    console = Console()
    # Headers of two lines leave 80 columns room for names of layers.
    rows = table(
        "layer", "channels", "MACs\nsaved", "params\nsaved", "output\nerror", "classes\nchanged"
    )
    for row in record.layers:
        more = f" (+{len(row.layers) - 1} tied)" if len(row.layers) > 1 else ""
        changed = "" if row.changed is None else percent(row.changed)
        rows.add_row(
            row.layers[0] + more,
            f"{row.channels} → {row.kept}",
            percent(row.macs),
            percent(row.params),
            percent(row.error),
            changed,
        )
    console.print()
    console.print(rows)
    console.print()
    console.print(
        f"On {frames_or_random(record.frames)}. Least output error first. Each layer alone keeps "
        f"{percent(record.keep)} of its channels (largest {record.importance}); nothing "
        "is retrained. Output error: root mean square of the change over that of the output. "
        "Classes changed: share of pixels.",
        highlight=False,
    )
    last = []
    if record.weights is None:
        unless = ", unless the factory loads trained ones" if ":" in record.model else ""
        last.append(
            (
                "warning",
                "yellow",
                f"the weights are random{unless}: then the order above says nothing about a "
                "trained network, only the savings do; pass --weights FILE.",
            )
        )
    last += [("skipped", "yellow", reason) for reason in record.skipped]
    if folder:
        last.append(("written", "cyan", f"{folder}/sensitivity.json"))
    console.print(facts(*last))
