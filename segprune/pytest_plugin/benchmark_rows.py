"""The two rows that pytest-benchmark keeps of a speed gate, for its own tools to compare."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from segprune.speed import SpeedComparison

__all__ = ["keep_durations", "split_rows"]


def keep_durations(benchmark: Any, found: SpeedComparison) -> None:
    """Put the candidate's durations, in seconds, in place of the duration of the whole gate."""
    stats = benchmark.stats.stats
    stats.data.clear()
    for pair in found.samples:
        stats.update(pair.candidate_ms / 1000)


def split_rows(comparisons: dict[str, SpeedComparison], output_json: dict[str, Any]) -> None:
    """Give each gate's row a second one: the reference, measured in turn with the candidate."""
    rows = []
    for row in output_json["benchmarks"]:
        found = comparisons.get(row["fullname"])
        if found is None:
            rows.append(row)
            continue
        sides = {
            "reference": [pair.reference_ms / 1000 for pair in found.samples],
            "candidate": [pair.candidate_ms / 1000 for pair in found.samples],
        }
        rows += [_row(row, side, durations) for side, durations in sides.items()]
    output_json["benchmarks"] = rows


def _row(row: dict[str, Any], side: str, durations: list[float]) -> dict[str, Any]:
    from pytest_benchmark import stats as untyped

    stats: Any = untyped.Stats()  # type: ignore[no-untyped-call]
    for duration in durations:
        stats.update(duration)
    content = {**row["stats"], **stats.as_dict()}
    if "data" in row["stats"]:
        content["data"] = durations
    return {
        **row,
        "name": f"{row['name']}-{side}",
        "fullname": f"{row['fullname']}-{side}",
        "stats": content,
    }
