"""Numbers as the report writes them, and tables in Markdown; pure."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from segprune.speed import SpeedComparison

__all__ = [
    "NOTHING",
    "budget_words",
    "joined",
    "points",
    "removed",
    "signed",
    "table",
    "times",
    "times_range",
]

NOTHING = "–"
"""Where there is no number."""

_KINDS = {"macs": "MACs", "params": "parameters", "channels": "channels"}


def points(share: float | None, digits: int = 1) -> str:
    """An IoU in percent, as the field writes it."""
    return NOTHING if share is None else f"{100 * share:.{digits}f}"


def removed(share: float | None) -> str:
    """A share of parameters or MACs that is gone."""
    return NOTHING if share is None else f"−{100 * share:.0f} %"


def signed(value: float | None, digits: int = 1) -> str:
    """With a plus or a true minus; nothing is neither."""
    if value is None:
        return NOTHING
    text = f"{abs(value):.{digits}f}"
    if not float(text):
        return text
    return f"{'−' if value < 0 else '+'}{text}"


def times(factor: float) -> str:
    """A speed-up."""
    return f"×{factor:.2f}"


def times_range(speed: SpeedComparison | None) -> str:
    """A speed-up with its interval."""
    if speed is None:
        return NOTHING
    return f"×{speed.speedup:.2f} ({speed.low:.2f} – {speed.high:.2f})"


def budget_words(budget: tuple[str, float]) -> str:
    """`("macs", 0.5)` -> "0.5 of the MACs"."""
    kind, share = budget
    return f"{share:g} of the {_KINDS.get(kind, kind)}"


def joined(words: Sequence[str]) -> str:
    """`a, b and c`."""
    if len(words) < 2:
        return "".join(words)
    return f"{', '.join(words[:-1])} and {words[-1]}"


def table(
    header: Sequence[str], rows: Sequence[Sequence[str]], words: Collection[int]
) -> list[str]:
    """Lines of a table; the columns `words` hold words, and numbers stand to the right."""
    rule = ["---" if number in words else "---:" for number in range(len(header))]
    lines = [header, rule, *rows]
    return ["| " + " | ".join(line) + " |" for line in lines]
