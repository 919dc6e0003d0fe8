"""Exponential moving averages of weights, and of what BatchNorms have seen."""

from __future__ import annotations

from collections.abc import Callable

from pytorch_lightning.callbacks import WeightAveraging
from torch import Tensor

__all__ = ["moving_average"]


def moving_average(decay: float) -> WeightAveraging:
    """The callback that averages after every step, and leaves the averages when training ends.

    They begin with the weights after the first step; then `a <- decay * a + (1 - decay) * w`.
    Running statistics are averaged as weights are, so that they belong together. Checkpoints hold
    the averages as weights, and the weights in training beside them.
    """
    return WeightAveraging(use_buffers=True, avg_fn=_averaged(decay))


def _averaged(decay: float) -> Callable[[Tensor, Tensor, Tensor | int], Tensor]:
    def average(mean: Tensor, value: Tensor, count: Tensor | int) -> Tensor:
        del count
        # Counters and tables of indices have no average: 0.999 * 5 + 0.001 * 5 may round to 4.
        if not mean.is_floating_point():
            return value
        return decay * mean + (1 - decay) * value

    return average
