"""This project's pruned networks on real images beside what others published about the same two."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from segprune.format import NOTHING, points, removed, signed, table, times_range
from segprune.gates.policy import Policy
from segprune.reporting import Collection
from segprune.reporting.dataset_report import results_rows
from segprune.reporting.main_table import seeds_words
from segprune.reporting.trained import CONTINUED

__all__ = ["Work", "beside_others", "read_works"]

WORKS = Path(__file__).with_name("published.toml")
DATA = "camvid"


@dataclass(frozen=True)
class Work:
    """A row of somebody else's.

    Attributes:
        miou: before and after, in percent.
        params, macs: shares that were removed, or None where none is published.
    """

    source: str
    network: str
    images: str
    miou: tuple[float, float]
    conditions: str
    params: float | None = None
    macs: float | None = None


def read_works(path: Path = WORKS) -> tuple[Work, ...]:
    """All of them, in the file's order."""
    entries = tomllib.loads(path.read_text("utf-8"))["works"]
    return tuple(Work(**{**entry, "miou": tuple(entry["miou"])}) for entry in entries)


def beside_others(collection: Collection, policy: Policy) -> str:
    """One table; empty while no pruned network on real images is recorded."""
    lines = list(_own(collection, policy))
    if not lines:
        return ""
    lines += [
        [
            work.source, work.network, work.images, removed(work.params), removed(work.macs),
            f"{work.miou[0]:.2f} → {work.miou[1]:.2f} ({signed(work.miou[1] - work.miou[0], 2)})",
            NOTHING, work.conditions,
        ]
        for work in read_works()
    ]  # fmt: skip
    header = (
        "work", "network", "images", "parameters", "MACs", "mIoU: dense → pruned",
        "speed-up (95 %)", "conditions",
    )  # fmt: skip
    return "\n".join(table(header, lines, words=(0, 1, 2, 7)))


def _own(collection: Collection, policy: Policy) -> Iterator[list[str]]:
    rows = results_rows(collection, policy, DATA)
    continued = {row.trained.network for row in rows if row.trained.variant == CONTINUED}
    for row in rows:
        trained = row.trained
        if row.dense is None or trained.variant not in policy.budgets:  # controls promise nothing
            continue
        first = trained.records[0]
        height, width = first.input[-2:]
        yield [
            f"**segprune {trained.variant}**",
            trained.network,
            f"CamVid val, {height}×{width}",
            removed(1 - trained.params_share),
            removed(1 - trained.macs_share),
            f"{points(row.dense.miou, 2)} → {points(trained.miou, 2)} "
            f"({signed(100 * (trained.miou - row.dense.miou), 2)})",
            times_range(row.speed.speed if row.speed else None),
            f"channels removed and verified; {seeds_words(trained)}; one CPU thread"
            + ("" if trained.network in continued else "; dense was not trained on as long"),
        ]
