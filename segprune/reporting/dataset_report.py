"""All that is known about one data set: trained networks, the sweep, and the dense mIoU to beat."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import groupby

from segprune.gates.policy import Policy
from segprune.records.evaluation import EvaluationRecord
from segprune.records.sensitivity import SensitivityRecord
from segprune.records.training import TrainingRecord
from segprune.reporting.results_table import Row, results_rows
from segprune.reporting.store import Collection
from segprune.reporting.sweep_points import Sweep, sweep_of
from segprune.reporting.trained_elsewhere import ELSEWHERE

__all__ = ["DatasetReport", "dataset_reports"]


@dataclass(frozen=True)
class DatasetReport:
    """One data set.

    Attributes:
        dense: mIoU by network, in [0, 1]: the better of the teacher and the teacher trained on,
            where both are recorded.
        sensitivities: by name: those of the dense networks of this data set.
        evaluations: by name: whatever was evaluated on it, apart from a training.
    """

    data: str
    rows: tuple[Row, ...]
    sweep: Sweep | None
    dense: Mapping[str, float]
    sensitivities: Mapping[str, SensitivityRecord]
    evaluations: Mapping[str, EvaluationRecord]

    @property
    def trainings(self) -> tuple[TrainingRecord, ...]:
        """Records of the networks that were trained here."""
        return tuple(
            record
            for row in self.rows
            if row.trained.variant != ELSEWHERE
            for record in row.trained.records
        )

    @property
    def networks(self) -> tuple[str, ...]:
        """Names of all networks."""
        swept = {network.name for network in self.sweep.networks} if self.sweep else set()
        return tuple(sorted(swept | {row.trained.network for row in self.rows}))

    @property
    def compared(self) -> tuple[tuple[Row, ...], ...]:
        """Rows of each network with a pruned variant and a dense one to compare it with."""
        groups = groupby(self.rows, key=lambda row: row.trained.network)
        found = [tuple(rows) for _, rows in groups]
        return tuple(rows for rows in found if any(row.is_compared for row in rows))


def dataset_reports(collection: Collection, policy: Policy) -> tuple[DatasetReport, ...]:
    """One study a data set, by name; errors as for `results_rows` and `sweep_of`."""
    return tuple(_study(collection, policy, data) for data in collection.datasets)


def _study(collection: Collection, policy: Policy, data: str) -> DatasetReport:
    rows, sweep = (
        results_rows(collection, policy, data),
        sweep_of(collection, data, policy),
    )
    dense, digests = {}, {}
    for row in rows:
        if row.dense is not None:
            dense[row.trained.network] = row.dense.miou
            digests[row.trained.network] = row.dense.records[0].validation_digest
    if sweep is not None:
        for cell in sweep.cells:
            # Scores on another split are no yardstick.
            if digests.get(cell.network) != cell.validation_digest:
                dense[cell.network] = cell.dense_score.miou
    files = {record.artifact for row in rows for record in row.trained.records}
    files |= {network.source for network in sweep.networks} if sweep else set()
    sensitivities = {
        name: record for name, record in collection.sensitivities.items() if record.weights in files
    }
    evaluations = {n: r for n, r in collection.evaluations.items() if r.data == data}
    return DatasetReport(data, rows, sweep, dense, sensitivities, evaluations)
