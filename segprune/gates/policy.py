"""What a pruned network may lose, and which speed-up it must reach.

A policy is written before the trainings it judges. Floors follow from it and the dense network;
they are never copied from a result.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from segprune.records.speed import MemoryFormat, SpeedInput

__all__ = ["USUAL_FPS_SHARE", "Budget", "Policy", "Tolerance"]

USUAL_FPS_SHARE = 0.35


@dataclass(frozen=True)
class Budget:
    """The targets of one budget.

    Attributes:
        miou_loss, class_loss: the largest loss, in points of mIoU and of any one class's IoU.
        speedup: the least lower end of the interval.
        macs, params: at most this share of the dense network's is left; None: no limit.
        miou_ratio: the least share of the dense network's mIoU, besides the points.
    """

    name: str
    miou_loss: float
    class_loss: float
    speedup: float
    macs: float | None = None
    params: float | None = None
    miou_ratio: float = 0.0


@dataclass(frozen=True)
class Tolerance:
    """How far the same weights may differ on another machine, whose processor rounds differently.

    Attributes:
        flips_per_million: labelled pixels whose class changes; other threads, batch sizes, memory
            formats and instruction sets changed fewer than one in trials.
        miou_points: change of mIoU, in points.
    """

    flips_per_million: float = 20.0
    miou_points: float = 0.01


@dataclass(frozen=True)
class Policy:
    """The whole policy.

    Attributes:
        budgets: by name, such as "macs50".
        exceptions: by `<data>-<network>-<budget>`: numbers that replace those of the budget.
        dense: by data set: least mIoU, in [0, 1], of a dense network that may be a baseline.
        speed_sizes: by data set: `(N, C, H, W)` at which the speed-up is required; by default the
            size that the network was evaluated at.
        memory_format: the memory format in which the speed-up is required.
        headline_seeds: seeds that a row needs to lead with.
        fps_share: the least share of a baseline's frames per second, on the same machine.
        speedup_share: gates require this share of the gain in speed, and the report all of it.
    """

    budgets: Mapping[str, Budget]
    exceptions: Mapping[str, Mapping[str, float]]
    dense: Mapping[str, float]
    speed_sizes: Mapping[str, tuple[int, ...]]
    headline_seeds: int
    memory_format: MemoryFormat = "contiguous"
    tolerance: Tolerance = Tolerance()
    fps_share: float = USUAL_FPS_SHARE
    speedup_share: float = 1.0

    def speed_input(self, data: str, usual: tuple[int, ...]) -> SpeedInput:
        """Return the input for the speed-up on a data set; `usual` if the policy names no size."""
        return SpeedInput(self.speed_sizes.get(data, usual), self.memory_format)

    def budget_of(self, data: str, network: str, variant: str) -> Budget | None:
        """Return the budget of a variant such as "macs50" or "macs50-distilled", or None.

        The longest name counts: beside "macs50", "macs50-strict" is a budget of its own.
        """
        fitting = [n for n in self.budgets if variant == n or variant.startswith(f"{n}-")]
        if not fitting:
            return None
        name = max(fitting, key=len)
        changed = self.exceptions.get(f"{data}-{network}-{name}", {})
        return dataclasses.replace(self.budgets[name], **dict[str, Any](changed))
