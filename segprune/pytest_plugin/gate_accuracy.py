"""The accuracy gate: the predictions of the baseline, and no IoU below its floor."""

from __future__ import annotations

from segprune.gates.accuracy import gate_dense, gate_floors
from segprune.gates.baselines.counts import counts_as_text, counts_from_text
from segprune.gates.bootstrap import bootstrap_difference, gate_difference
from segprune.gates.reproducibility import gate_determinism
from segprune.gates.verdict import joined
from segprune.pytest_plugin.baseline_match import (
    made_from_dense,
    same_case,
    same_data,
    same_floors,
    same_images,
)
from segprune.pytest_plugin.case_data import CaseData
from segprune.pytest_plugin.results import Figures, Outcome, ReadBaseline
from segprune.records.baseline import AccuracyFacts

__all__ = ["judge_accuracy"]


def judge_accuracy(data: CaseData, read_baseline: ReadBaseline | None) -> Outcome:
    """Judge mIoU and the IoU of each class against floors, and predictions against the baseline's.

    Args:
        read_baseline: None while a baseline is accepted; then only the floors count.
    """
    found, floors, criteria = data.pruned_evaluation, data.floors, data.case.criteria
    dense, classes = data.dense_score, data.dataset.classes.names
    figures: Figures = {
        "miou": found.score.miou, "miou_floor": floors.miou, "dense_miou": dense.miou,
    }  # fmt: skip
    baseline = None if read_baseline is None else read_baseline()
    if baseline is None:
        same = made_from_dense(data)
    else:
        same = joined(
            [
                same_case(data, baseline),
                same_data(data, baseline),
                same_floors(floors, dense, baseline),
            ]
        )
    same = joined([same, same_images(data)])
    if not same.is_green:
        return Outcome(same, figures)
    difference = bootstrap_difference(
        data.dense_evaluation.matrix, found.matrix, data.sequences.labels,
        basis=data.sequences.words,
    )  # fmt: skip
    figures |= {
        "loss": difference.loss, "loss_high": difference.high,
        "detectable": difference.detectable, "blocks": difference.blocks,
        "sequences": difference.sequences, "images": len(found.names),
        "supports_claims": difference.supports_claims,
    }  # fmt: skip
    verdicts = [
        gate_dense(dense.miou, criteria.dense_miou),
        gate_floors(found.score, classes, dense.miou, floors),
    ]
    if criteria.generalization_margin is not None:
        verdicts.append(gate_difference(difference, criteria.generalization_margin))
    if baseline is None:
        counts = counts_as_text(found.matrix, found.names)
        facts = {
            "network": data.network_facts, "data": data.data_facts, "floors": floors,
            "accuracy": AccuracyFacts(found.score, dense, counts),
        }  # fmt: skip
        return Outcome(joined(verdicts), figures, facts)
    expected = counts_from_text(baseline.accuracy.per_image, len(classes), baseline.data.void)
    same_weights = gate_determinism(found.matrix, expected, found.names, criteria.tolerance)
    return Outcome(joined([same_weights, *verdicts]), figures)
