"""The size gate: the parameters, MACs and activation bytes of the baseline, within the budget."""

from __future__ import annotations

from segprune.gates.accuracy import gate_budget, gate_size
from segprune.gates.verdict import Verdict, joined
from segprune.pytest_plugin.baseline_match import made_from_dense, same_case, same_sizes
from segprune.pytest_plugin.case_data import CaseData
from segprune.pytest_plugin.results import Figures, Outcome, ReadBaseline

__all__ = ["judge_size"]


def judge_size(data: CaseData, read_baseline: ReadBaseline | None) -> Outcome:
    """Judge the counts exactly against the baseline's, and against the budget.

    Args:
        read_baseline: None while a baseline is accepted; then only the budget counts.
    """
    sizes = data.sizes
    figures: Figures = {
        "params": sizes.pruned.params, "dense_params": sizes.dense.params,
        "macs": sizes.pruned.macs, "dense_macs": sizes.dense.macs,
    }  # fmt: skip
    within_budget = gate_budget(sizes.pruned, sizes.dense, data.targets)
    if read_baseline is None:
        verdict = joined([made_from_dense(data), within_budget])
        return Outcome(verdict, figures, {"size": sizes})
    baseline = read_baseline()
    compared = joined(
        [
            same_case(data, baseline),
            same_sizes(sizes, baseline.size),
            gate_size(sizes.pruned, baseline.size.pruned),
        ]
    )
    if within_budget.is_green:
        return Outcome(joined([within_budget, compared]), figures)
    # No new baseline would mend a budget that is exceeded, so this reason comes first.
    others = () if compared.is_green else compared.reasons
    return Outcome(Verdict(within_budget.status, (*within_budget.reasons, *others)), figures)
