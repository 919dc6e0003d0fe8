"""The terms of a case: its budget, and by what rules it is judged, in one sentence that is kept."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from segprune.gates.policy import USUAL_FPS_SHARE, Budget, Tolerance

__all__ = ["Terms"]


@dataclass(frozen=True)
class Terms:
    """All numbers that a verdict follows from, besides what is measured.

    Attributes:
        tolerance: of the same weights on another machine.
        speedup_share: the gate holds to this share of the gain that is owed, 0.7 of ×1.5: ×1.35. A
            neighbour that fills the caches brings ratios closer to 1.
        fps_share: at least this share of the baseline's frames per second, on its own machine.
        dense_miou: at least, of the dense network, in [0, 1].
        claim: points of mIoU that may be lost beyond these images; None: reported, not gated.
    """

    budget: Budget
    tolerance: Tolerance = field(default_factory=Tolerance)
    speedup_share: float = 1.0
    fps_share: float = USUAL_FPS_SHARE
    dense_miou: float = 0.0
    claim: float | None = None

    @property
    def speedup(self) -> float:
        """What the lower end of the interval has to reach."""
        owed = self.budget.speedup
        if owed > 1:
            owed = 1 + self.speedup_share * (owed - 1)
        # Three decimals, as an interval is shown; rounded up, so that none is given away.
        return math.ceil(owed * 1000 - 1e-6) / 1000

    @property
    def rule(self) -> str:
        """Every number in words; a baseline keeps it, so that none is loosened unseen."""
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
        if self.claim is not None:
            words.append(f"loss beyond these images ≤ {self.claim:.9g} points")
        return f"{budget.name}: " + ", ".join(words)
