"""What several commands print: tables, facts, and sentences about networks and speed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table
from rich.text import Text

from segprune.format import counted, few, percent, shape_of

if TYPE_CHECKING:
    from segprune.records.prune import FrozenGroup
    from segprune.records.speed import SpeedComparison

__all__ = ["announce", "facts", "frames_or_random", "reach_facts", "speed_text", "table"]

_MOST_GROUPS = 12


def announce(
    model: str, size: Sequence[int], classes: int | None, weights: Path | None, images: str | None
) -> None:
    """Print the first line: the network, its images, and whether its weights are random."""
    own = ":" in model
    kind = "your network" if own else f"{classes or 19} classes"
    seen = f"images from {images}" if images else "random images"
    line = Text.assemble((model, "bold"), f" ({kind}), {shape_of(size)}, {seen}, ")
    if weights:
        line.append(f"weights from {weights.name}")
    else:
        doubt = "weights are random unless the factory loads some" if own else "weights are random"
        line.append(f"{doubt} (no --weights)", style="yellow")
    Console(soft_wrap=True).print(line)


def table(*columns: str) -> Table:
    """Return an empty table without lines: words to the left, numbers to the right."""
    result = Table(box=None, padding=(0, 2, 0, 0), header_style="bold", pad_edge=False)
    for number, column in enumerate(columns):
        # Names fold instead of being cut: they are there to be pasted into an option.
        result.add_column(
            column, justify="right" if number else "left", no_wrap=bool(number), overflow="fold"
        )
    return result


def facts(*rows: tuple[str, str, str]) -> Table:
    """Return lines (word, colour, text), whose text wraps beside the word and not below it."""
    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(no_wrap=True, min_width=8)
    grid.add_column(overflow="fold")
    for word, style, text in rows:
        grid.add_row(Text(word, style=f"bold {style}".strip()), Text(text))
    return grid


def reach_facts(
    free_share: float, frozen: Sequence[FrozenGroup], unreached: Sequence[str]
) -> Iterator[tuple[str, str, str]]:
    """Yield facts about the channels of a dense network that must stay, and why."""
    if not frozen:
        yield "reach", "green", "every hidden channel can be removed"
    else:
        total = sum(group.channels for group in frozen)
        share = f"{percent(free_share)} of the hidden channels can be removed"
        yield "reach", "yellow", f"{share}; {total} must stay:"
    for group in frozen[:_MOST_GROUPS]:
        where = f" ({group.source})" if group.source else ""
        yield "", "", f"{group.channels} of {few(group.layers)}: {group.reason}{where}"
    if len(frozen) > _MOST_GROUPS:
        yield "", "", f"and {len(frozen) - _MOST_GROUPS} more reasons, in record.json"
    if unreached:
        count = len(unreached)
        yield (
            "unused",
            "yellow",
            f"{count} parameters are never read and stay: {few(unreached)}",
        )


def speed_text(speed: SpeedComparison) -> str:
    """Return a speed-up with its interval, and how it was measured."""
    return (
        f"{speed.speedup:.2f} times ({percent(speed.confidence)} interval {speed.low:.2f} to "
        f"{speed.high:.2f}; {speed.pairs} pairs in turn, {speed.device}, "
        f"{counted(speed.threads, 'thread')})"
    )


def frames_or_random(frames: int) -> str:
    """Return what was looked at: so many frames, or random images."""
    return counted(frames, "frame") if frames else "random images"
