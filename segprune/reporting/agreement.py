"""Records that contradict one another are not reported: one of them was edited, or is a copy."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from typing import Any

from segprune.errors import ArtifactError
from segprune.records.training import TrainingRecord

__all__ = ["require_agreement"]

Facts = Callable[[TrainingRecord], Hashable]


def require_agreement(records: Sequence[TrainingRecord]) -> None:
    """Refuse trainings that share what determines a figure, and differ in the figure.

    A file of weights is the result of one run; a plan of a network removes so many parameters and
    MACs; a validation split has so many images, of the same classes.

    Raises:
        ArtifactError: two records that cannot both be true; both are named.
    """
    _require_one("run a file of weights", records, lambda r: r.artifact, lambda r: r.name)
    _require_one(
        "size of the dense network", records, lambda r: (_network(r), r.input, len(r.classes)),
        lambda r: (r.dense_params, r.dense_macs),
    )  # fmt: skip
    _require_one(
        "size a plan", records, lambda r: (_network(r), r.plan, r.input),
        lambda r: (r.params, r.macs),
    )  # fmt: skip
    _require_one(
        "validation split", records, lambda r: r.validation_digest,
        lambda r: (r.classes, r.validation_images),
    )  # fmt: skip


def _require_one(what: str, records: Sequence[TrainingRecord], given: Facts, same: Facts) -> None:
    known: dict[Hashable, TrainingRecord] = {}
    for record in records:
        first = known.setdefault(given(record), record)
        if same(first) != same(record):
            raise ArtifactError(
                f"records {first.name} and {record.name}: expected one {what}, found "
                f"{_told(same(first))} and {_told(same(record))}; one of them was edited or is a "
                "copy. Restore the files, or make the records again."
            )


def _network(record: TrainingRecord) -> str:
    section: dict[str, Any] = record.sections["network"]
    return f"{section['model']} {section.get('options', {})}"


def _told(facts: Hashable) -> str:
    return ", ".join(map(str, facts)) if isinstance(facts, tuple) else str(facts)
