"""Whether a pruned network keeps what the policy promises, over all of its seeds.

The gates' judge decides (`segprune.gates.targets`); this module formats its judgement for the
report. A report requires the whole promise. Gates may ask for a share of the gain in speed, since
others may load their machines (`Policy.speedup_share`).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from segprune.gates import targets
from segprune.gates.accuracy import gate_dense
from segprune.gates.criteria import Terms
from segprune.gates.policy import Budget, Policy
from segprune.gates.targets import Figures, Miss
from segprune.gates.verdict import Status
from segprune.records.baseline import Size
from segprune.records.score import Score

__all__ = ["Findings", "Promise", "judge", "judge_dense"]

_SOME = Size(10**12, 10**12, 0)
_KINDS: dict[Status, Literal["kept", "missed", "open"]] = {
    Status.PASS: "kept", Status.FAIL: "missed", Status.INCONCLUSIVE: "open",
}  # fmt: skip


@dataclass(frozen=True)
class Findings:
    """What a pruned network came to, beside the dense one.

    Attributes:
        macs, params: shares of the dense network's.
        miou_loss: in points; negative is a gain.
        class_losses: losses by class, in points; None where only the pruned network has no IoU.
        speedup_low: lower end of the interval, on one thread; None where it was not measured.
        speedup_high: the interval's upper end; None: only the lower end is known.
        dense_miou, dense_size: the dense network's figures, to which shares and losses refer.
    """

    macs: float
    params: float
    miou_loss: float
    class_losses: Mapping[str, float | None]
    speedup_low: float | None
    speedup_high: float | None = None
    dense_miou: float = 1.0
    dense_size: Size = _SOME

    @property
    def figures(self) -> Figures:
        """Figures for the judge: whole counts, and IoUs as if the dense network's were 1."""
        low, dense = self.speedup_low, self.dense_size
        return Figures(
            size=Size(_count(self.params, dense.params), _count(self.macs, dense.macs), 0),
            dense_size=dense,
            miou=self.dense_miou - self.miou_loss / 100,
            dense_miou=self.dense_miou,
            class_iou={
                name: None if loss is None else 1 - loss / 100
                for name, loss in self.class_losses.items()
            },
            speedup=None if low is None else (low, self.speedup_high or low),
        )


@dataclass(frozen=True)
class Promise:
    """`kept`, `missed`, `open` (not decided by what was measured) or `none` (nothing promised)."""

    kind: Literal["kept", "missed", "open", "none"]
    reasons: tuple[str, ...] = ()


def judge(budget: Budget | None, found: Findings, *, speedup_share: float = 1.0) -> Promise:
    """Compare findings with a promise, and name every miss. Pure.

    Args:
        speedup_share: the share of the promised gain in speed to ask for; gates use the policy's.
    """
    if budget is None:
        return Promise("none")
    names, dense = tuple(found.class_losses), found.dense_size
    score = Score(found.dense_miou, (1.0,) * len(names), 1.0, 0)
    floors = targets.floors_of(Terms(budget, speedup_share=speedup_share), names, score, dense)
    judgement = targets.judge(found.figures, floors)
    reasons = [_missed(miss, budget, found, floors.speedup) for miss in judgement.missed]
    if not reasons:
        reasons = [_open(found, floors.speedup) for _ in judgement.open]
    return Promise(_KINDS[judgement.status], tuple(reasons))


def judge_dense(policy: Policy, data: str, miou: float) -> Promise:
    """Whether a dense network is good enough to be a baseline."""
    least = policy.dense.get(data)
    if least is None:
        return Promise("none")
    if not gate_dense(miou, least).is_green:
        reason = f"mIoU {100 * miou:.2f}, a baseline needs {100 * least:g}"
        return Promise("missed", (reason,))
    return Promise("kept")


def _count(share: float, whole: int) -> int:
    """Return a share as a count; NaN becomes more than the whole."""
    return whole + 1 if math.isnan(share) else round(share * whole)


def _missed(miss: Miss, budget: Budget, found: Findings, speedup: float) -> str:
    match miss.clause:
        case "macs":
            share = 100 * (budget.macs or 0)
            return f"MACs at {100 * found.macs:.1f} % of dense, may be {share:g} %"
        case "params":
            share = 100 * (budget.params or 0)
            return f"parameters at {100 * found.params:.1f} % of dense, may be {share:g} %"
        case "smaller":
            return "not smaller than dense: no channel was removed"
        case "floor":
            return f"mIoU may lose {budget.miou_loss:g} points, which is all: nothing is promised"
        case "miou":
            return f"mIoU lost {found.miou_loss:.2f} points, may lose {budget.miou_loss:g}"
        case "ratio":
            share = found.figures.miou / found.dense_miou
            return f"mIoU is {share:.4f} of dense, has to be {budget.miou_ratio:g}"
        case "class":
            loss = found.class_losses[miss.name]
            if loss is None:
                return f"{miss.name} has an IoU in only one of the two networks"
            return f"{miss.name} lost {loss:.1f} points, may lose {budget.class_loss:g}"
        case "speedup":
            return f"speed-up at least ×{found.speedup_low:.2f}, required ×{speedup:g}"


def _open(found: Findings, speedup: float) -> str:
    if found.speedup_low is None:
        return f"speed-up not measured, required ×{speedup:g}"
    interval = f"×{found.speedup_low:.2f} – {found.speedup_high:.2f}"
    return f"speed-up {interval} decides neither way, required ×{speedup:g}; measure it longer"
