"""What `segprune train` and `recover` print: scores of each stage and class, and what is left."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.text import Text

from segprune.cli.render.common import facts, reach_facts, table
from segprune.cli.render.evaluate import class_table
from segprune.format import amount, counted, percent, points

if TYPE_CHECKING:
    from segprune.records.training import TrainingRecord
    from segprune.training.recipe import Recipe

__all__ = ["announce_recipe", "show_training"]


def announce_recipe(recipe: Recipe) -> None:
    """Print the first line: what is trained on what, for how long."""
    line = Text.assemble((recipe.name, "bold"), ": ", recipe.network.model)
    for key, value in recipe.network.options.items():
        line.append(f" {key}={value}")
    line.append(f", {recipe.data.name}, {recipe.training.epochs} epochs, seed {recipe.seed}")
    if recipe.network.weights:
        mean = "the mean of " if recipe.network.average_of else ""
        line.append(f", from {mean}{' and '.join(path.name for path in recipe.network.weights)}")
    Console(soft_wrap=True).print(line)


def show_training(
    record: TrainingRecord,
    folder: Path,
    recipe: Recipe | None = None,
    *,
    count_warnings: bool = False,
) -> None:
    """Print the stages of a run, the classes of its result, its files, and what comes next.

    Args:
        count_warnings: print only how many warnings there are: each was printed during the run.
    """
    from segprune.workflows.train.stages import called, explained

    console = Console()
    rows = table("", "mIoU", "pixels\nright", "")
    rows.columns[-1].justify, rows.columns[-1].no_wrap = "left", False
    half = bool(record.sections.get("half", False))
    kept = record.sections.get("recalibration", {}).get("at_the_end") is False
    for stage, score in record.scores.items():
        meaning = Text(explained(stage, half=half, kept_statistics=kept), "dim")
        rows.add_row(called(stage), points(score.miou), points(score.pixel_accuracy), meaning)
    console.print()
    console.print(rows)
    console.print()
    console.print(class_table(record.scores["result"], record.classes))
    console.print()
    lines = []
    if record.params != record.dense_params:
        lines.append(
            (
                "size", "",
                f"{amount(record.params, record.dense_params)} of {amount(record.dense_params)} "
                f"parameters ({percent(record.params / record.dense_params)}), "
                f"{amount(record.macs, record.dense_macs)} of {amount(record.dense_macs)} MACs "
                f"({percent(record.macs / record.dense_macs)})",
            )
        )  # fmt: skip
        if widths := _widths(folder / f"{record.name}.safetensors"):
            lines.append(("widths", "", widths))
        lines.append(("proved", "green", "the file holds what the plan makes of the dense network"))
    lines.append(("images", "", f"{record.validation_images} for evaluation, one seed"))
    if record.work.resumed_at:
        lines.append(
            ("resumed", "", f"after epoch {record.work.resumed_at} of {record.work.epochs}")
        )
    if (folder / f"{record.name}.safetensors").exists():  # not so for one kept as a record alone
        lines.append(
            ("written", "cyan", f"{folder}/: {record.name}.safetensors, record.json, overlays, log")
        )
    if record.best is not None and (folder / record.best.file).exists():
        lines.append(("best", "cyan", f"{record.best.file} beside it: {called(record.best.stage)}"))
    lines += [("target", "", target) for target in record.promises]
    lines += [("missed", "red", reason) for reason in record.broken]
    if record.free_share is not None:
        lines += reach_facts(record.free_share, record.frozen, record.unreached)
    if count_warnings and record.warnings:
        many = counted(len(record.warnings), "warning")
        lines.append(("note", "yellow", f"{many} above; kept in record.json"))
    elif not count_warnings:
        lines += [("warning", "yellow", warning) for warning in record.warnings]
    console.print(facts(*lines))
    if recipe is not None and recipe.network.init_from and record.params != record.dense_params:
        own = f" --model {recipe.network.model}" if ":" in recipe.network.model else ""
        command = (
            f"segprune speed {recipe.network.init_from} {folder}/{record.name}.safetensors{own}"
        )
        # On a line that is not folded, to be copied.
        Console(soft_wrap=True).print(facts(("next", "cyan", "how much faster it is:")))
        Console(soft_wrap=True).print(Text(f"  {command}"), soft_wrap=True)


def _widths(artifact: Path) -> str:
    """Summarise the widths in an artefact; return "" for a missing file."""
    from segprune.artifacts import outline, read_header
    from segprune.cli.render.artifact import summary_of, widths_of

    if not artifact.exists():
        return ""
    header = read_header(artifact)
    dense = None if header.spec is None else outline(header, artifact)
    summary = summary_of(widths_of(header.plan, dense))
    return f"{summary}; layer by layer: segprune inspect {artifact}" if summary else ""
