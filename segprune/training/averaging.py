"""Averages of weights, and of what BatchNorms have seen: over steps, or over several trainings."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from pytorch_lightning.callbacks import WeightAveraging
from torch import Tensor, nn
from torch.optim.swa_utils import get_ema_multi_avg_fn

from segprune.core.modules import copy_with, tensors_of

__all__ = ["mean_of", "moving_average"]


def moving_average(decay: float) -> WeightAveraging:
    """The callback that averages after every step, and leaves the averages when training ends.

    They begin with the weights after the first step; then `a <- decay * a + (1 - decay) * w`.
    Running statistics are averaged as weights are, so that they belong together. Checkpoints hold
    the averages as weights, and the weights in training beside them.
    """
    return WeightAveraging(use_buffers=True, multi_avg_fn=_averaged(decay))


def _averaged(decay: float) -> Callable[[list[Tensor], list[Tensor], Tensor | int], None]:
    """Average all tensors of one type at once: one by one they take a GPU longer than a step."""
    averages = get_ema_multi_avg_fn(decay)

    def average(means: list[Tensor], values: list[Tensor], count: Tensor | int) -> None:
        if means[0].is_floating_point():
            averages(means, values, count)
            return
        # Counters and tables of indices have no average: 0.999 * 5 + 0.001 * 5 may round to 4.
        for mean, value in zip(means, values, strict=True):
            mean.copy_(value)

    return average


def mean_of(networks: Sequence[nn.Module]) -> nn.Module:
    """A network with the mean of the weights of several, a "model soup".

    Trainings that began with the same weights end near one another, and their mean is often better
    than each of them (Wortsman et al., Model soups, ICML 2022). Its BatchNorms have to be measured
    anew: they have seen other activations. Counters and tables are those of the first network.

    Args:
        networks: of one architecture, with tensors of the same names and shapes; not changed.
    """
    every = [tensors_of(network) for network in networks]
    mean = {}
    for name, first in every[0].items():
        if first.is_floating_point() or first.is_complex():
            wide = torch.promote_types(first.dtype, torch.float64)
            parts = torch.stack([tensors[name].detach().to(wide) for tensors in every])
            mean[name] = parts.mean(0).to(first.dtype)
    return copy_with(networks[0], mean)
