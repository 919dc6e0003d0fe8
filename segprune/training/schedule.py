"""Learning rates as a pure function of the step, and the optimisers they drive."""

from __future__ import annotations

import math
from typing import Literal

import torch
from torch import nn

from segprune.training.sections import TrainingSection

__all__ = ["build_optimizer", "rate_factor"]

_START = 0.1  # of the warm-up
_POWER = 0.9  # of the poly schedule, as the segmentation literature has it


def rate_factor(
    step: int, *, total: int, warmup: int, schedule: Literal["poly", "cosine"] = "poly"
) -> float:
    """The learning rate at a step, as a share of the highest.

    Linear from a tenth to one over `warmup` steps; then (1 - progress)^0.9 or half a cosine. It
    reaches zero after the last step, and stays there.

    Args:
        step: from 0.
        total: steps in all, warm-up included.
        warmup: steps of the warm-up; more than `total` means that it is never over.
    """
    if step < warmup:
        return _START + (1 - _START) * step / warmup
    progress = min((step - warmup) / max(total - warmup, 1), 1.0)
    if schedule == "cosine":
        return (1 + math.cos(math.pi * progress)) / 2
    return float((1 - progress) ** _POWER)


def build_optimizer(model: nn.Module, section: TrainingSection) -> torch.optim.Optimizer:
    """The optimiser a recipe asks for; vectors (biases, normalisation) do not decay."""
    parameters = [p for p in model.parameters() if p.requires_grad]
    groups = [
        {"params": [p for p in parameters if p.ndim > 1], "weight_decay": section.weight_decay},
        {"params": [p for p in parameters if p.ndim <= 1], "weight_decay": 0.0},
    ]
    groups = [group for group in groups if group["params"]]
    if section.optimizer == "adamw":
        return torch.optim.AdamW(groups, lr=section.learning_rate)
    return torch.optim.SGD(groups, lr=section.learning_rate, momentum=section.momentum)
