"""What `segprune prune` prints: both networks, whether it is faster and proved, what must stay."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console

from segprune.cli.render.common import facts, frames_or_random, reach_facts, speed_text, table
from segprune.format import amount, fps, ms, percent, size_of

if TYPE_CHECKING:
    from segprune.records.prune import PruneRecord

__all__ = ["reasons_for_speed", "show_result"]

_LAGGING = 0.1  # activations that fall by this much less than MACs are what is left to wait for
_MANY = 0.25


def show_result(
    record: PruneRecord, folder: Path | None, *, console: Console | None = None
) -> None:
    """Print both networks, the verdicts on speed and proof, and what had to stay."""
    from segprune.core.planning.make_plan import departures

    console = console or Console()
    dense, pruned, speed = record.dense, record.pruned, record.speed
    stored = [("half precision", record.half), ("no auxiliary heads", record.deploy)]
    file = ", ".join(words for words, there in stored if there)
    rows = table("", "dense", "pruned", "pruned/dense")
    for name, before, after, text in (
        ("parameters, inference", dense.params, pruned.params, amount),
        ("MACs", dense.macs, pruned.macs, amount),
        ("activations written", dense.activation_bytes, pruned.activation_bytes, size_of),
        (f"file ({file})" if file else "file", dense.file_bytes, pruned.file_bytes, size_of),
    ):
        share = percent(after / before) if before else ""
        rows.add_row(name, text(before), text(after, before), share)
    if speed:
        for name, one, other, rate in (
            ("time of one call", speed.reference_ms, speed.candidate_ms, ms),
            ("frames per second", speed.reference_fps, speed.candidate_fps, fps),
        ):
            rows.add_row(name, rate(one), rate(other), percent(other / one))
    console.print()
    console.print(rows)
    console.print()
    budget = [("budget", "yellow", sentence) for sentence in departures(vars(record))]
    console.print(
        facts(
            *budget,
            *_speed_facts(record),
            _proof_fact(record),
            *_score_facts(record, folder),
            *reach_facts(record.free_share, record.frozen, record.unreached),
        )
    )
    if folder:
        files = f"{folder.name}.safetensors, plan.json, record.json"
        console.print(facts(("written", "cyan", f"{folder}/: {files}")))


def _speed_facts(record: PruneRecord) -> Iterator[tuple[str, str, str]]:
    speed = record.speed
    if speed is None:
        yield "speed", "yellow", "not measured"
        return
    found = speed_text(speed)
    if speed.pairs < record.pairs:
        found += (
            f"; timing ended at its limit of {record.max_seconds:g} s (--max-seconds), before all "
            f"{record.pairs} pairs"
        )
    if speed.verdict == "faster":
        yield "faster", "green", found
        return
    slower = ", it is slower" if speed.verdict == "slower" else ", as far as can be told"
    yield "speed", "yellow", f"smaller but not faster{slower}: {found}"
    for reason in reasons_for_speed(record):
        yield "", "", reason


def reasons_for_speed(record: PruneRecord) -> list[str]:
    """Return why fewer multiply-adds did not make a network faster, as far as its record shows."""
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


def _proof_fact(record: PruneRecord) -> tuple[str, str, str]:
    apart = f"largest difference {record.difference:.0e} of the largest output"
    found = apart if record.difference else "the same bits"
    text = "computes what the full-size network computes with the removed channels at zero"
    return "proved", "green", f"{text} (on {frames_or_random(record.frames)}: {found})"


def _score_facts(record: PruneRecord, folder: Path | None) -> Iterator[tuple[str, str, str]]:
    if record.mious:
        dense, pruned = (f"{100 * record.mious[which]:.1f}" for which in ("dense", "pruned"))
        seen = f"on {frames_or_random(record.frames)} at the size of the input"
        yield "mIoU", "", f"{dense} dense, {pruned} pruned and not recovered yet, {seen}"
    elif folder is not None:
        own = f" --model {record.model}" if ":" in record.model else ""
        weights = " --weights FILE" if record.weights else ""
        yield (
            "mIoU",
            "yellow",
            f"not measured. On labelled images: segprune eval {folder}/{folder.name}.safetensors "
            f"--data folder --root FOLDER{own}, and the dense network: segprune eval "
            f"{record.model}{weights} --data folder --root FOLDER",
        )
