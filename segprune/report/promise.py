"""Whether a pruned network keeps what the policy promises, over all of its seeds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from segprune.gates.policy import Budget, Policy

__all__ = ["Findings", "Promise", "judge", "judge_dense"]

_SLACK = 1e-9  # rounding of differences, no allowance


@dataclass(frozen=True)
class Findings:
    """What a pruned network came to, beside the dense one.

    Attributes:
        macs, params: shares of the dense network's.
        miou_loss: in points; negative is a gain.
        class_losses: by class, in points; None where only one of the two has an IoU.
        speedup_low: lower end of the interval, on one thread; None where it was not measured.
    """

    macs: float
    params: float
    miou_loss: float
    class_losses: Mapping[str, float | None]
    speedup_low: float | None


@dataclass(frozen=True)
class Promise:
    """`kept`, `missed`, `open` (something was not measured) or `none` (nothing was promised)."""

    kind: Literal["kept", "missed", "open", "none"]
    reasons: tuple[str, ...] = ()


def judge(budget: Budget | None, found: Findings) -> Promise:
    """Hold findings against a promise; every miss is named. Pure."""
    if budget is None:
        return Promise("none")
    missed = []
    for name, share, most in (
        ("MACs", found.macs, budget.macs), ("parameters", found.params, budget.params)
    ):  # fmt: skip
        if most is not None and not share <= most + _SLACK:
            missed.append(f"{name} at {100 * share:.1f} % of dense, may be {100 * most:g} %")
    if not found.miou_loss <= budget.miou_loss + _SLACK:
        missed.append(f"mIoU lost {found.miou_loss:.2f} points, may lose {budget.miou_loss:g}")
    for name, loss in found.class_losses.items():
        if loss is None:
            missed.append(f"{name} has an IoU in only one of the two networks")
        elif not loss <= budget.class_loss + _SLACK:
            missed.append(f"{name} lost {loss:.1f} points, may lose {budget.class_loss:g}")
    low = found.speedup_low
    if low is not None and not low >= budget.speedup - _SLACK:
        missed.append(f"speed-up at least ×{low:.2f}, owes ×{budget.speedup:g}")
    if missed:
        return Promise("missed", tuple(missed))
    if low is None:
        return Promise("open", (f"speed-up not measured, owes ×{budget.speedup:g}",))
    return Promise("kept")


def judge_dense(policy: Policy, data: str, miou: float) -> Promise:
    """Whether a dense network is good enough to be a baseline."""
    least = policy.dense.get(data)
    if least is None:
        return Promise("none")
    if not miou >= least - _SLACK:
        reason = f"mIoU {100 * miou:.2f}, a baseline needs {100 * least:g}"
        return Promise("missed", (reason,))
    return Promise("kept")
