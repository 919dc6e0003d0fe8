"""How often the speed gate is wrong, and how soon it is right: the committed trials, summed up.

The trials are made by `python -m power.trials` in tests/; see there.
"""

from __future__ import annotations

import json
import math
import statistics
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from segprune.errors import InputError

__all__ = ["RECORD", "Kind", "binomial_interval", "read_kinds", "table"]

RECORD = Path(__file__).resolve().parent.parent / "tests" / "power" / "record.jsonl"
_WORDS = {
    "0": "a copy of the reference", "5": "5 % slower", "6": "6 % slower", "10": "10 % slower",
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


def binomial_interval(successes: int, trials: int, confidence: float = 0.95) -> tuple[float, float]:
    """The rates under which so many successes are not too surprising (Clopper and Pearson, 1934).

    Both ends are exact: each tail has at most half of the error. With no success at all (or nothing
    but successes) one end is 0 (or 1), and the other still has half of the error only.

    Raises:
        InputError: no trials, or more successes than trials.
    """
    if not 0 <= successes <= trials or trials == 0:
        raise InputError(
            f"binomial_interval: expected 0 to {max(trials, 1)} successes in at least one trial, "
            f"found {successes} in {trials}; count again."
        )
    tail = (1 - confidence) / 2
    low = high = 0.0
    if successes > 0:
        low = _solve(lambda rate: 1 - _at_most(successes - 1, trials, rate), tail)
    high = 1.0
    if successes < trials:
        high = _solve(lambda rate: 1 - _at_most(successes, trials, rate), 1 - tail)
    return low, high


def _at_most(most: int, trials: int, rate: float) -> float:
    """P(binomial(trials, rate) <= most), by logarithms: coefficients of thousands overflow."""
    if rate in (0.0, 1.0):
        return 1.0 if rate == 0.0 or most >= trials else 0.0
    log_yes, log_no = math.log(rate), math.log1p(-rate)
    whole = math.lgamma(trials + 1)
    return math.fsum(
        math.exp(
            whole - math.lgamma(k + 1) - math.lgamma(trials - k + 1)
            + k * log_yes + (trials - k) * log_no
        )
        for k in range(most + 1)
    )  # fmt: skip


def _solve(rising: Callable[[float], float], value: float) -> float:
    """Where a function that rises on [0, 1] takes a value, by halving."""
    low, high = 0.0, 1.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if rising(middle) < value else (low, middle)
    return (low + high) / 2


def read_kinds(record: Path = RECORD) -> dict[str, Kind]:
    """By name, in the order in which they were run."""
    lines = _read_lines(record)
    return {
        name: Kind(
            name,
            Counter(line["status"] for line in lines if line["kind"] == name),
            tuple(sorted(line["seconds"] for line in lines if line["kind"] == name)),
        )
        for name in dict.fromkeys(line["kind"] for line in lines)
    }


def table(record: Path = RECORD) -> str:
    """One row a kind: how often the gate said FAIL, with the interval, and how soon it ended."""
    rows = [
        "| candidate | machine | trials | FAIL (95 %) | INCONCLUSIVE | seconds: median, 95 % |",
        "| --- | --- | ---: | ---: | ---: | ---: |",
    ]
    kinds = read_kinds(record)
    for name in sorted(kinds, key=lambda name: (int(name.partition("-")[2]), name[0] != "q")):
        kind, (machine, _, slower) = kinds[name], name.partition("-")
        rate, low, high = kind.rate("FAIL")
        rows.append(
            f"| {_WORDS[slower]} | {machine} | {kind.trials} "
            f"| {_percent(rate)} ({_percent(low)} – {_percent(high)}) "
            f"| {_percent(kind.rate('INCONCLUSIVE')[0])} "
            f"| {statistics.median(kind.seconds):.1f}; {kind.within(0.95):.1f} |"
        )
    rows += ["", f"Made on {'; '.join(_machines(record))}. Record: `tests/power/record.jsonl`."]
    return "\n".join(rows)


def _read_lines(record: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in record.read_text(encoding="utf-8").splitlines()]


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"


def _machines(record: Path) -> list[str]:
    found = [line["environment"] for line in _read_lines(record) if "environment" in line]
    return list(dict.fromkeys(f"{e['cpu']}, {e['cores']} cores, torch {e['torch']}" for e in found))


if __name__ == "__main__":
    print(table())
