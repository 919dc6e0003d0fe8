"""What the commands print on stdout: tables, and verdicts in words."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table
from rich.text import Text

from segprune.format import amount, counted, few, fps, ms, percent, shape_of, size_of

if TYPE_CHECKING:
    from segprune.core.verification.violations import Violation
    from segprune.records.prune import FrozenGroup, PruneRecord
    from segprune.records.sensitivity import SensitivityRecord
    from segprune.workflows.verify import Proof

__all__ = [
    "announce",
    "facts",
    "reach_facts",
    "reasons_for_speed",
    "show_proof",
    "show_result",
    "show_sensitivity",
    "show_violations",
    "table",
]

_MOST_GROUPS = 12
_LAGGING = 0.1  # activations that fall by this much less than MACs are what is left to wait for
_MANY = 0.25


def announce(
    model: str, size: Sequence[int], classes: int | None, weights: Path | None, images: str | None
) -> None:
    """The first line: what is worked on, and whether its weights mean anything."""
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
    """An empty table without lines: words to the left, numbers to the right."""
    result = Table(box=None, padding=(0, 2, 0, 0), header_style="bold", pad_edge=False)
    for number, column in enumerate(columns):
        # Names fold instead of being cut: they are there to be pasted into an option.
        result.add_column(
            column, justify="right" if number else "left", no_wrap=bool(number), overflow="fold"
        )
    return result


def facts(*rows: tuple[str, str, str]) -> Table:
    """Lines of a coloured word and a text that wraps beside it, not below: (word, colour, text)."""
    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(no_wrap=True, min_width=8)
    grid.add_column(overflow="fold")
    for word, style, text in rows:
        grid.add_row(Text(word, style=f"bold {style}".strip()), Text(text))
    return grid


# -- prune -----------------------------------------------------------------------------------------


def show_result(
    record: PruneRecord, folder: Path | None, *, console: Console | None = None
) -> None:
    """Before and after, whether it is faster, whether it is proved, what had to stay."""
    console = console or Console()
    dense, pruned, speed = record.dense, record.pruned, record.speed
    rows = table("", "dense", "pruned", "pruned/dense")

    def compare(name: str, before: float, after: float, shown: tuple[str, str]) -> None:
        rows.add_row(name, *shown, percent(after / before) if before else "")

    compare(
        "parameters, inference",
        dense.params,
        pruned.params,
        (amount(dense.params), amount(pruned.params, dense.params)),
    )
    compare("MACs", dense.macs, pruned.macs, (amount(dense.macs), amount(pruned.macs, dense.macs)))
    compare(
        "activations written", dense.activation_bytes, pruned.activation_bytes,
        (size_of(dense.activation_bytes), size_of(pruned.activation_bytes, dense.activation_bytes)),
    )  # fmt: skip
    stored = [("half precision", record.half), ("no auxiliary heads", record.deploy)]
    extra = ", ".join(words for words, there in stored if there)
    compare(
        f"file ({extra})" if extra else "file", dense.file_bytes, pruned.file_bytes,
        (size_of(dense.file_bytes), size_of(pruned.file_bytes, dense.file_bytes)),
    )  # fmt: skip
    if speed:
        compare(
            "time of one call",
            speed.reference_ms,
            speed.candidate_ms,
            (ms(speed.reference_ms), ms(speed.candidate_ms)),
        )
        compare(
            "frames per second",
            speed.reference_fps,
            speed.candidate_fps,
            (fps(speed.reference_fps), fps(speed.candidate_fps)),
        )
    console.print()
    console.print(rows)
    console.print()
    from segprune.core.planning.make_plan import departures

    budget = [("budget", "yellow", sentence) for sentence in departures(vars(record))]
    console.print(
        facts(
            *budget,
            *_speed_facts(record),
            *_proof_facts(record),
            *_score_facts(record, folder),
            *reach_facts(record.free_share, record.frozen, record.unreached),
        )
    )
    if folder:
        console.print(
            facts(
                ("written", "cyan", f"{folder}/: {folder.name}.safetensors, plan.json, record.json")
            )
        )


def _speed_facts(record: PruneRecord) -> Iterator[tuple[str, str, str]]:
    speed = record.speed
    if speed is None:
        yield "speed", "yellow", "not measured"
        return
    found = (
        f"{speed.speedup:.2f} times ({percent(speed.confidence)} interval {speed.low:.2f} to "
        f"{speed.high:.2f}; {speed.pairs} pairs in turn, {speed.device}, "
        f"{counted(speed.threads, 'thread')})"
    )
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
    """Why fewer multiply-adds did not make a network faster, as far as its record shows."""
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


def _proof_facts(record: PruneRecord) -> Iterator[tuple[str, str, str]]:
    apart = f"largest difference {record.difference:.0e} of the largest output"
    yield (
        "proved",
        "green",
        "computes what the full-size network computes with the removed channels at zero (on "
        f"{_seen(record.frames)}: {apart if record.difference else 'the same bits'})",
    )


def _score_facts(record: PruneRecord, folder: Path | None) -> Iterator[tuple[str, str, str]]:
    if record.mious:
        dense, pruned = (f"{100 * record.mious[which]:.1f}" for which in ("dense", "pruned"))
        yield (
            "mIoU",
            "",
            f"{dense} dense, {pruned} pruned and not recovered yet, on {_seen(record.frames)} at "
            "the size of the input",
        )
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


def _seen(frames: int) -> str:
    return counted(frames, "frame") if frames else "random images"


def reach_facts(
    free_share: float, frozen: Sequence[FrozenGroup], unreached: Sequence[str]
) -> Iterator[tuple[str, str, str]]:
    """Lines about the channels of a dense network that must stay, and why."""
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


# -- proof -----------------------------------------------------------------------------------------


def show_violations(violations: Sequence[Violation], consequence: str) -> None:
    """All that is wrong, by kind, with what the kind means."""
    from segprune.core.verification.violations import KINDS

    console = Console()
    many = counted(len(violations), "violation")
    console.print(facts(("wrong", "red", f"{many}. {consequence}")))
    for kind in dict.fromkeys(violation.kind for violation in violations):
        console.print(Text.assemble((kind, "bold"), f": {KINDS.get(kind, '')}"))
        for violation in violations:
            if violation.kind == kind:
                console.print(Text(f"  {violation.where}: {violation.message}"), soft_wrap=True)


def show_proof(file: Path, proof: Proof, images: str | None = None) -> None:
    """That a file holds, and what was compared to say so.

    Args:
        images: what to call the proof's frames.
    """
    count, size = len(proof.header.plan.kept), shape_of(proof.input)
    numbers = (
        "compared with the dense weights, and equal"
        if proof.values_compared
        else f"not compared with the dense ones, for {proof.why_not}"
    )
    seen = f"{size} and other sizes (random images)"
    if images is not None and proof.frames is not None:
        frames = f"{_seen(proof.frames.count)} of {images}"
        seen = f"{size} ({frames}) and other sizes (random images)"
    Console().print(
        facts(
            ("proved", "green", f"{file.name} is what its plan makes of {proof.header.network}"),
            (
                "",
                "",
                f"{count} pruned tensors: shapes, attributes, memory and gradients as planned",
            ),
            ("", "", f"outputs on {seen}: those of the masked full-size network"),
            ("", "", f"kept weights: {numbers}"),
        )
    )


# -- sensitivity -----------------------------------------------------------------------------------


def show_sensitivity(record: SensitivityRecord, folder: Path | None) -> None:
    """A row per layer, the one that is missed least on top."""
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
        f"On {_seen(record.frames)}. Least missed on top. Each layer alone keeps "
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
