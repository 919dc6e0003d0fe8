"""What a pruned network may lose, and which speed-up it owes.

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
    """What one budget promises.

    Attributes:
        miou_loss, class_loss: at most, in points of mIoU and of any one class's IoU.
        speedup: at least, for the lower end of the interval.
        macs, params: at most this share of the dense network's is left; None: no promise.
        miou_ratio: at least this share of the dense network's mIoU, besides the points.
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
    """How far the same weights may stray on another machine, whose processor rounds otherwise.

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
        speed_sizes: by data set: `(N, C, H, W)` at which the speed-up is owed; by default the size
            that the network was evaluated at.
        memory_format: in which it is owed.
        headline_seeds: seeds that a row needs to lead with.
        fps_share: at least this share of a baseline's frames per second, on the same machine.
        speedup_share: gates hold a network to this share of the owed gain in speed, the report to
            all of it.
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
        """At what the speed-up is owed on a data set; `usual` where the policy names no size."""
        return SpeedInput(self.speed_sizes.get(data, usual), self.memory_format)

    def budget_of(self, data: str, network: str, variant: str) -> Budget | None:
        """The promise that a variant such as "macs50" or "macs50-distilled" is held to.

        The longest name counts: beside "macs50", "macs50-strict" is a budget of its own.
        """
        fitting = [n for n in self.budgets if variant == n or variant.startswith(f"{n}-")]
        if not fitting:
            return None
        name = max(fitting, key=len)
        changed = self.exceptions.get(f"{data}-{network}-{name}", {})
        return dataclasses.replace(self.budgets[name], **dict[str, Any](changed))
