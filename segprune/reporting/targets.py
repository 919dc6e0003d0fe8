"""The gates' judgement of a row, in the words of the results table.

`segprune.gates.targets` decides; nothing is decided here. A report requires the whole gain in
speed. Gates may require a share of it (`Policy.speedup_share`), for others may load their machine.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from segprune.gates import targets
from segprune.gates.accuracy import gate_dense
from segprune.gates.criteria import Terms
from segprune.gates.policy import Budget, Policy
from segprune.gates.targets import Figures, Miss
from segprune.gates.verdict import Status
from segprune.records.score import Score

__all__ = ["NO_TARGETS", "TargetResult", "judge", "judge_dense"]

Kind = Literal["kept", "missed", "open", "none"]
_KINDS: dict[Status, Kind] = {
    Status.PASS: "kept", Status.FAIL: "missed", Status.INCONCLUSIVE: "open",
}  # fmt: skip


@dataclass(frozen=True)
class TargetResult:
    """`kept`, `missed`, `open` (the measurements do not decide) or `none` (there is no target)."""

    kind: Kind
    reasons: tuple[str, ...] = ()


NO_TARGETS = TargetResult("none")


def judge(
    budget: Budget, classes: tuple[str, ...], dense: Score, found: Figures, *,
    speedup_share: float = 1.0,
) -> TargetResult:  # fmt: skip
    """Return the judgement of the figures of a pruned network, with each miss by name.

    Args:
        dense: the score of the dense network, which has these classes.
        speedup_share: the share of the gain in speed to require; gates use the policy's.
    """
    terms = Terms(budget, speedup_share=speedup_share)
    floors = targets.floors_of(terms, classes, dense, found.dense_size)
    judgement = targets.judge(found, floors)
    before = dict(zip(classes, dense.class_iou, strict=True))
    reasons = [_missed(miss, budget, found, before.get(miss.name)) for miss in judgement.missed]
    if not reasons:
        reasons = [_open(found, floors.speedup) for _ in judgement.open]
    return TargetResult(_KINDS[judgement.status], tuple(reasons))


def judge_dense(policy: Policy, data: str, miou: float) -> TargetResult:
    """Return whether a dense network is good enough to be a baseline."""
    least = policy.dense.get(data)
    if least is None:
        return NO_TARGETS
    if gate_dense(miou, least).is_green:
        return TargetResult("kept")
    reason = f"mIoU {100 * miou:.2f}, a baseline needs {100 * least:g}"
    return TargetResult("missed", (reason,))


def _missed(miss: Miss, budget: Budget, found: Figures, dense_iou: float | None) -> str:
    match miss.clause:
        case "macs":
            share = 100 * found.size.macs / found.dense_size.macs
            return f"MACs at {share:.1f} % of dense, may be {100 * (budget.macs or 0):g} %"
        case "params":
            share = 100 * found.size.params / found.dense_size.params
            return f"parameters at {share:.1f} % of dense, may be {100 * (budget.params or 0):g} %"
        case "smaller":
            return "not smaller than dense: no channel was removed"
        case "floor":
            return f"mIoU may lose {budget.miou_loss:g} points, which is all: nothing is promised"
        case "miou":
            loss = 100 * (found.dense_miou - found.miou)
            return f"mIoU lost {loss:.2f} points, may lose {budget.miou_loss:g}"
        case "ratio":
            share = found.miou / found.dense_miou
            return f"mIoU is {share:.4f} of dense, has to be {budget.miou_ratio:g}"
        case "class":
            if miss.found is None or dense_iou is None:
                return f"{miss.name} has an IoU in only one of the two networks"
            loss = 100 * (dense_iou - miss.found)
            return f"{miss.name} lost {loss:.1f} points, may lose {budget.class_loss:g}"
        case "speedup":
            return f"speed-up at least ×{miss.found:.2f}, required ×{miss.limit:g}"


def _open(found: Figures, required: float) -> str:
    if found.speedup is None:
        return f"speed-up not measured, required ×{required:g}"
    low, high = found.speedup
    return (
        f"speed-up ×{low:.2f} – {high:.2f} decides neither way, required ×{required:g}; "
        "measure it longer"
    )
