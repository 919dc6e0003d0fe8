"""Format numbers and lists for the terminal, the report, plots and pictures; pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from segprune.records.speed import SpeedComparison

__all__ = [
    "NOTHING",
    "amount",
    "budget_words",
    "counted",
    "few",
    "fps",
    "joined",
    "ms",
    "percent",
    "plain",
    "points",
    "removed",
    "shape_of",
    "signed",
    "size_of",
    "table",
    "times",
    "times_range",
]

NOTHING = "–"
"""Where there is no number."""

_KINDS = {"macs": "MACs", "params": "parameters", "channels": "channels"}


# -- counts ----------------------------------------------------------------------------------------


def amount(number: float, like: float | None = None) -> str:
    """`3340000` -> `3.34 M`; in the unit that suits `like`, so that both compare at sight."""
    for unit, scale in (("G", 1e9), ("M", 1e6), ("k", 1e3)):
        if (like or number) >= scale:
            return f"{number / scale:.2f} {unit}"
    return f"{number:.0f}"


def size_of(count: float, like: float | None = None) -> str:
    """Bytes as `12.8 MiB`, or `5.1 KiB` where `like` (or the count itself) is below one MiB."""
    if (like or count) >= 2**20:
        return f"{count / 2**20:.1f} MiB"
    return f"{count / 2**10:.1f} KiB"


def counted(count: float, thing: str) -> str:
    """`1 thread`, `2 threads`, `3 batches`."""
    number = str(count) if isinstance(count, int) else f"{count:g}"
    plural = "" if count == 1 else "es" if thing.endswith("tch") else "s"
    return f"{number} {thing}{plural}"


def shape_of(size: Iterable[int], sign: str = "x") -> str:
    """`1x3x512x1024`."""
    return sign.join(map(str, size))


# -- times -----------------------------------------------------------------------------------------


def ms(time: float) -> str:
    """Three digits: `412 ms`, `8.31 ms`."""
    return f"{fps(time)} ms"


def fps(rate: float) -> str:
    """Three digits."""
    return f"{rate:.0f}" if rate >= 100 else f"{rate:.1f}" if rate >= 10 else f"{rate:.2f}"


def times(factor: float) -> str:
    """A speed-up: `×1.82`."""
    return f"×{factor:.2f}"


def times_range(speed: SpeedComparison | None) -> str:
    """A speed-up with its interval."""
    if speed is None:
        return NOTHING
    return f"×{speed.speedup:.2f} ({speed.low:.2f} – {speed.high:.2f})"


# -- shares ----------------------------------------------------------------------------------------


def percent(share: float) -> str:
    """`0.4961` -> `49.6 %`; only everything reads 100 %, and only nothing reads 0 %."""
    text = f"{100 * share:.1f}"
    if share < 1 and text == "100.0":
        return "99.9+ %"
    if share > 0 and text == "0.0":
        return "<0.1 %"
    return f"{text.removesuffix('.0')} %"


def points(share: float | None, digits: int = 1) -> str:
    """An IoU in percent without its sign, as papers write it."""
    return NOTHING if share is None else f"{100 * share:.{digits}f}"


def removed(share: float | None) -> str:
    """Format a removed share of parameters or MACs: `−54 %`."""
    return NOTHING if share is None else f"−{100 * share:.0f} %"


def signed(value: float | None, digits: int = 1) -> str:
    """Format with a plus or a true minus; 0 has no sign."""
    if value is None:
        return NOTHING
    text = f"{abs(value):.{digits}f}"
    if not float(text):
        return text
    return f"{'−' if value < 0 else '+'}{text}"


def budget_words(budget: tuple[str, float]) -> str:
    """`("macs", 0.5)` -> `0.5 of the MACs`."""
    kind, share = budget
    return f"{share:g} of the {_KINDS.get(kind, kind)}"


# -- lists -----------------------------------------------------------------------------------------


def few(names: Sequence[str], most: int = 3) -> str:
    """Join the first names of a list, and count the others."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def joined(words: Sequence[str]) -> str:
    """`a, b and c`."""
    if len(words) < 2:
        return "".join(words)
    return f"{', '.join(words[:-1])} and {words[-1]}"


def plain(value: object) -> str:
    """A JSON value without brackets: `{"macs": 0.5}` -> `macs=0.5`."""
    if isinstance(value, Mapping):
        return " ".join(f"{key}={item}" for key, item in value.items())
    if isinstance(value, (list, tuple)):
        return " ".join(map(plain, value))
    return str(value)


def table(
    header: Sequence[str], rows: Sequence[Sequence[str]], words: Collection[int]
) -> list[str]:
    """Lines of a Markdown table; the columns `words` hold words, and numbers are on the right."""
    rule = ["---" if number in words else "---:" for number in range(len(header))]
    lines = [header, rule, *rows]
    return ["| " + " | ".join(line) + " |" for line in lines]
