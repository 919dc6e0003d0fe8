"""What `segprune eval` prints: the IoU of each class, and where the record is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table
from rich.text import Text

from segprune.cli.render.common import facts, table
from segprune.format import points

if TYPE_CHECKING:
    from segprune.records.score import Score
    from segprune.workflows.evaluate import EvaluationResult

__all__ = ["class_table", "show_evaluation", "show_score"]

_BAR = 20


def show_evaluation(result: EvaluationResult) -> None:
    """Print what was evaluated on what, its scores, and doubts about them."""
    record, console = result.record, Console()
    size = record.preprocessing.size
    fitted = f"at {size[0]}×{size[1]}" if size else "as they are stored"
    head = f", {record.data} {record.split}, {record.score.images} images {fitted}"
    console.print(Text.assemble((record.model, "bold"), head), soft_wrap=True)
    console.print(result.normalisation.sentence, soft_wrap=True, highlight=False)
    console.print()
    show_score(record.score, record.classes)
    console.print(
        facts(
            *([("warning", "yellow", result.warning)] if result.warning else []),
            *(("note", "yellow", doubt) for doubt in result.doubts),
            ("written", "cyan", f"{result.folder}/: evaluation.json, matrices.npz"),
        )
    )


def show_score(score: Score, classes: tuple[str, ...]) -> None:
    """Print the IoU of each class, mIoU, and the share of pixels that are right."""
    console = Console()
    console.print(class_table(score, classes))
    console.print()
    console.print(
        facts(
            ("mIoU", "bold", f"{points(score.miou)} (mean over classes that occur)"),
            ("pixels", "", f"{points(score.pixel_accuracy)} % right on {score.images} images"),
        )
    )


def class_table(score: Score, names: tuple[str, ...]) -> Table:
    """Return a row a class, with a bar as long as its IoU."""
    rows = table("class", "IoU", "")
    rows.columns[-1].justify = "left"  # bars
    for name, value in zip(names, score.class_iou, strict=True):
        bar = "█" * round(_BAR * (value or 0))
        rows.add_row(name, points(value), Text(f"{bar:{_BAR}}", style="cyan"))
    return rows
