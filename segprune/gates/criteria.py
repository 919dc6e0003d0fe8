"""The criteria of a case: its budget and the rules that judge it, also as one sentence to keep."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from segprune.gates.policy import USUAL_FPS_SHARE, Budget, Tolerance

__all__ = ["Criteria"]


@dataclass(frozen=True)
class Criteria:
    """All numbers that a verdict follows from, besides what is measured.

    Attributes:
        tolerance: the allowed change of the same weights on another machine.
        speedup_share: the share of the required gain that the gate requires: 0.7 of ×1.5 is ×1.35.
            Other work that fills the caches brings ratios closer to 1.
        fps_share: the least share of the baseline's frames per second, on its own machine.
        dense_miou: the least mIoU of the dense network, in [0, 1].
        generalization_margin: points of mIoU that may be lost beyond these images; None: reported,
            not gated.
    """

    budget: Budget
    tolerance: Tolerance = field(default_factory=Tolerance)
    speedup_share: float = 1.0
    fps_share: float = USUAL_FPS_SHARE
    dense_miou: float = 0.0
    generalization_margin: float | None = None

    @property
    def speedup(self) -> float:
        """The least lower end of the speed-up's interval."""
        required = self.budget.speedup
        if required > 1:
            required = 1 + self.speedup_share * (required - 1)
        # Three decimals, as an interval is shown; rounded up, so that the target is not lowered.
        return math.ceil(required * 1000 - 1e-6) / 1000

    @property
    def rule(self) -> str:
        """Every number in one sentence; a baseline keeps it, so that a lower target is noticed."""
        budget = self.budget
        words = [f"mIoU ≥ dense − {budget.miou_loss:.9g} points"]
        if budget.miou_ratio:
            words.append(f"mIoU ≥ {budget.miou_ratio:.9g} of dense")
        words.append(f"each class ≥ dense − {budget.class_loss:.9g} points")
        words += [
            f"{name} ≤ {share:.9g} of dense"
            for name, share in (("MACs", budget.macs), ("parameters", budget.params))
            if share is not None
        ]
        words.append(f"speed-up ≥ {budget.speedup:.9g}")
        if self.speedup_share != 1 and budget.speedup > 1:
            words[-1] += f" ({self.speedup_share:.9g} of the gain on a machine that others load)"
        words.append(f"FPS ≥ {self.fps_share:.9g} of the baseline's on its machine")
        words.append(
            f"same weights within {self.tolerance.flips_per_million:.9g} flips per million pixels "
            f"and {self.tolerance.miou_points:.9g} points"
        )
        if self.dense_miou:
            words.append(f"dense mIoU ≥ {100 * self.dense_miou:.9g}")
        if self.generalization_margin is not None:
            words.append(f"loss beyond these images ≤ {self.generalization_margin:.9g} points")
        return f"{budget.name}: " + ", ".join(words)
