"""The proof gate: the artefact is what its plan makes of the dense network."""

from __future__ import annotations

from segprune.core.verification.verify import verify
from segprune.gates.verdict import Status, Verdict, joined, unless
from segprune.pytest_plugin.baseline_match import made_from_dense, same_case
from segprune.pytest_plugin.case_data import CaseData
from segprune.pytest_plugin.results import Outcome, ReadBaseline

__all__ = ["judge_proof"]


def judge_proof(data: CaseData, read_baseline: ReadBaseline | None) -> Outcome:
    """Judge whether channels are really gone, and whether the networks are the baseline's.

    Args:
        read_baseline: None while a baseline is accepted.
    """
    known = made_from_dense(data) if read_baseline is None else same_case(data, read_baseline())
    verdict = joined([_removes_channels(data), known])
    if not verdict.is_green:
        return Outcome(verdict)
    found = verify(data.dense, data.pruned, data.header.plan, data.example, trained=True)
    violations = (f"{each.where}: {each.message} ({each.kind})" for each in found)
    return Outcome(unless(violations, Status.FAIL, "what its plan makes of the dense network"))


def _removes_channels(data: CaseData) -> Verdict:
    masked = (
        "plan: expected one that removes channels, found one that keeps them all: a mask "
        "leaves every tensor in its shape, and training fills it again",
    )
    return unless(() if data.header.plan.kept else masked, Status.FAIL, "removes channels")
