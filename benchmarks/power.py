"""How often the speed gate is wrong, and how soon it is right: the committed trials, summed up.

The trials are made by `python -m power.trials` in tests/; see there.
"""

from __future__ import annotations

import json
import statistics
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from segprune.statistics import binomial_interval

__all__ = ["RECORD", "Kind", "read_kinds", "table"]

RECORD = Path(__file__).resolve().parent.parent / "tests" / "power" / "record.jsonl"
_WORDS = {
    "0": "two copies of one network", "5": "5 % slower", "6": "6 % slower", "10": "10 % slower",
}  # fmt: skip


@dataclass(frozen=True)
class Kind:
    """All trials of one kind.

    Attributes:
        name: such as "loaded-5": beside a noisy neighbour, a candidate that is 5 % slower.
        statuses: how often each came.
        seconds: of each trial, in order of their length.
    """

    name: str
    statuses: Counter[str]
    seconds: tuple[float, ...]

    @property
    def trials(self) -> int:
        """How many."""
        return len(self.seconds)

    def rate(self, status: str) -> tuple[float, float, float]:
        """Share of a status, with its binomial 95 % interval."""
        low, high = binomial_interval(self.statuses[status], self.trials)
        return self.statuses[status] / self.trials, low, high

    def within(self, share: float) -> float:
        """Seconds within which this share of the trials ended."""
        return self.seconds[min(self.trials - 1, round(share * self.trials))]


def read_kinds(record: Path = RECORD) -> dict[str, Kind]:
    """By name, in the order in which they were run."""
    lines = [json.loads(line) for line in record.read_text(encoding="utf-8").splitlines()]
    return {
        name: Kind(
            name,
            Counter(line["status"] for line in lines if line["kind"] == name),
            tuple(sorted(line["seconds"] for line in lines if line["kind"] == name)),
        )
        for name in dict.fromkeys(line["kind"] for line in lines)
    }


def table(record: Path = RECORD) -> str:
    """One row a kind: what it should say, and how often it did, with the interval."""
    rows = [
        "| candidate | machine | trials | FAIL (95 %) | INCONCLUSIVE | seconds: median, 95 % |",
        "| --- | --- | ---: | ---: | ---: | ---: |",
    ]
    for name, kind in read_kinds(record).items():
        machine, _, slower = name.partition("-")
        rate, low, high = kind.rate("FAIL")
        rows.append(
            f"| {_WORDS[slower]} | {machine} | {kind.trials} "
            f"| {rate:.1%} ({low:.1%} – {high:.1%}) | {kind.rate('INCONCLUSIVE')[0]:.1%} "
            f"| {statistics.median(kind.seconds):.1f}; {kind.within(0.95):.1f} |"
        )
    return "\n".join(rows)


if __name__ == "__main__":
    print(table())
