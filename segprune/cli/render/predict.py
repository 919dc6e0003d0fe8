"""What `segprune predict` prints: each picture's numbers, and where the pictures are."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.text import Text

from segprune.cli.render.common import facts, table
from segprune.format import amount, few, percent, points

if TYPE_CHECKING:
    from segprune.records.prediction import Pictured
    from segprune.workflows.predict.run import PredictResult

__all__ = ["announce_prediction", "show_prediction"]

_MOST_ROWS = 20


def announce_prediction(file: Path, source: str, against: Path | None) -> None:
    """Print the first line: which network looks at what."""
    line = Text.assemble((file.name, "bold"), f" on {Path(source).name}")
    if against is not None:
        line.append(f", beside {against.name}")
    Console(soft_wrap=True).print(line)


def show_prediction(result: PredictResult) -> None:
    """Print a row a picture if it was scored or compared, then sizes and files."""
    console = Console()
    record = result.record
    rows = _rows(record.pictures)
    if rows is not None:
        console.print()
        console.print(rows)
    if len(record.pictures) > _MOST_ROWS and rows is not None:
        console.print(f"and {len(record.pictures) - _MOST_ROWS} more, in record.json", style="dim")
    console.print()
    lines = []
    network, dense = record.network, record.dense
    size = f"{amount(network.params)} parameters, {amount(network.macs)} MACs"
    if dense is not None and (dense.params, dense.macs) != (network.params, network.macs):
        size = (
            f"{amount(network.params, dense.params)} of {amount(dense.params)} parameters "
            f"({percent(network.params / dense.params)}), {amount(network.macs, dense.macs)} of "
            f"{amount(dense.macs)} MACs ({percent(network.macs / dense.macs)})"
        )
    lines.append(("size", "", size))
    if result.assumed:
        lines.append(
            (
                "assumed", "yellow",
                f"ImageNet's mean and deviation: {few(result.assumed)} does not say how its "
                "images were normalised",
            )
        )  # fmt: skip
    lines.append(("written", "cyan", f"{result.folder}/: {few(result.files)}, record.json"))
    console.print(facts(*lines))


def _rows(pictures: tuple[Pictured, ...]) -> object | None:
    scored = any(one.miou is not None for one in pictures)
    compared = any(one.changed is not None for one in pictures)
    if not scored and not compared:
        return None
    columns = ["picture"]
    if scored:
        columns += ["mIoU dense", "mIoU pruned"] if compared else ["mIoU"]
    if compared:
        columns.append("pixels that differ")
    rows = table(*columns)
    for one in pictures[:_MOST_ROWS]:
        cells = [one.name]
        if scored:
            cells += [points(one.dense_miou)] if compared else []
            cells.append(points(one.miou))
        if compared:
            cells.append("" if one.changed is None else percent(one.changed))
        rows.add_row(*cells)
    return rows
