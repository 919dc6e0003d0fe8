"""What `segprune speed` prints: both networks, and what the pairs of calls say."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console

from segprune.cli.render.common import facts, speed_text, table
from segprune.format import fps, ms

if TYPE_CHECKING:
    from segprune.records.sweep import SpeedRecord

__all__ = ["show_speed"]

_NOISE = 1.05  # how far the ratio of the medians may lie outside the interval of the pairs


def show_speed(record: SpeedRecord, folder: Path) -> None:
    """Print both networks, the speed-up with its interval, and a doubt if there is one."""
    found = record.speed
    rows = table("", "time of one call", "frames per second")
    rows.add_row(record.reference, ms(found.reference_ms), fps(found.reference_fps))
    rows.add_row(record.candidate, ms(found.candidate_ms), fps(found.candidate_fps))
    lines = {
        "faster": ("faster", "green", speed_text(found)),
        "slower": ("slower", "red", speed_text(found)),
        "no difference": ("speed", "yellow", f"{speed_text(found)}, no difference was found"),
    }
    facts_found = [lines[found.verdict]]
    medians = found.reference_ms / found.candidate_ms
    if not found.low / _NOISE < medians < found.high * _NOISE:
        text = (
            f"the times above are medians of different moments (their ratio is {medians:.2f}); the "
            "speed-up is the median of pairs, whose two calls shared one moment"
        )
        facts_found.append(("noisy", "yellow", text))
    console = Console()
    console.print()
    console.print(rows)
    console.print()
    console.print(
        facts(
            *facts_found, ("input", "", str(record.at)), ("written", "cyan", f"{folder}/speed.json")
        )
    )
