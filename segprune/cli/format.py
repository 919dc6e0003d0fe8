"""Numbers and reasons in words; pure."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from segprune.workflows import PruneRecord

__all__ = [
    "amount",
    "few",
    "fps",
    "ms",
    "percent",
    "plain",
    "reasons_for_speed",
    "size_of",
    "unfolded",
]

_LAGGING = 0.1  # activations that fall by this much less than MACs are what is left to wait for
_MANY = 0.25


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


def few(names: Sequence[str], most: int = 3) -> str:
    """The first names of a list, and how many more there are."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def ms(time: float) -> str:
    """Three digits: `412 ms`, `8.31 ms`."""
    return f"{time:.0f} ms" if time >= 100 else f"{time:.1f} ms" if time >= 10 else f"{time:.2f} ms"


def fps(rate: float) -> str:
    """Three digits."""
    return f"{rate:.0f}" if rate >= 100 else f"{rate:.1f}" if rate >= 10 else f"{rate:.2f}"


def percent(share: float) -> str:
    """`0.4961` -> `49.6 %`; what is not all does not read 100 %, nor what is something 0 %."""
    text = f"{100 * share:.1f}"
    if share < 1 and text == "100.0":
        return "99.9+ %"
    if share > 0 and text == "0.0":
        return "<0.1 %"
    return f"{text.removesuffix('.0')} %"


def plain(value: object) -> str:
    """A JSON value without brackets: `{"macs": 0.5}` -> `macs=0.5`."""
    if isinstance(value, Mapping):
        return " ".join(f"{key}={item}" for key, item in value.items())
    if isinstance(value, (list, tuple)):
        return " ".join(map(plain, value))
    return str(value)


def reasons_for_speed(record: PruneRecord) -> list[str]:
    """Why fewer multiply-adds did not make a network faster, as far as its record tells."""
    reasons = []
    total, even = record.widths
    if record.round_to % 8 and even < total / 2:
        reasons.append(
            f"{total - even} of {total} pruned layers have widths that are no multiple of 8, which "
            "vector units like less: try --round-to 8 (or 16)."
        )
    macs = record.pruned.macs / max(record.dense.macs, 1)
    written = record.pruned.activation_bytes / max(record.dense.activation_bytes, 1)
    if written > macs + _LAGGING:
        reasons.append(
            f"MACs fell to {percent(macs)}, but the activations that are written to memory only to "
            f"{percent(written)}: memory may be the limit, not arithmetic; try a smaller budget."
        )
    depthwise, convolutions = record.depthwise
    if depthwise > _MANY * convolutions:
        reasons.append(
            f"{depthwise} of {convolutions} convolutions are depthwise: few MACs, so that "
            "memory is what they mostly wait for."
        )
    if record.speed is not None and record.speed.high - record.speed.low > _LAGGING:
        reasons.append(
            "The interval is wide: the machine is busy, or the network small. Measure again with "
            "more --pairs, or a larger --input."
        )
    return reasons or ["Something else than convolutions takes the time: profile the network."]


def unfolded(text: str | None) -> str:
    """Join the lines of each paragraph of a docstring, so that the terminal can fold them itself.

    Indented lines, such as examples, stay as they are.
    """
    paragraphs: list[str] = []
    for block in inspect.cleandoc(text or "").split("\n\n"):
        lines = block.split("\n")
        stays = any(line.startswith(" ") for line in lines)
        paragraphs.append(block if stays else " ".join(lines))
    return "\n\n".join(paragraphs)
