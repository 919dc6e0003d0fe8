"""Exponential moving averages of weights, and of what BatchNorms have seen."""

from __future__ import annotations

from collections.abc import Callable

from pytorch_lightning.callbacks import WeightAveraging
from torch import Tensor
from torch.optim.swa_utils import get_ema_multi_avg_fn

__all__ = ["moving_average"]


def moving_average(decay: float) -> WeightAveraging:
    """The callback that averages after every step, and leaves the averages when training ends.

    They begin with the weights after the first step; then `a <- decay * a + (1 - decay) * w`.
    Running statistics are averaged as weights are, so that they belong together. Checkpoints hold
    the averages as weights, and the weights in training beside them.
    """
    return WeightAveraging(use_buffers=True, multi_avg_fn=_averaged(decay))


def _averaged(decay: float) -> Callable[[list[Tensor], list[Tensor], Tensor | int], None]:
    """Of all tensors of one type at once; one by one they take a GPU longer than the training."""
    averages = get_ema_multi_avg_fn(decay)

    def average(means: list[Tensor], values: list[Tensor], count: Tensor | int) -> None:
        if means[0].is_floating_point():
            averages(means, values, count)
            return
        # Counters and tables of indices have no average: 0.999 * 5 + 0.001 * 5 may round to 4.
        for mean, value in zip(means, values, strict=True):
            mean.copy_(value)

    return average
