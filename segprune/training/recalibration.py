"""Measure BatchNorm statistics anew, without any other change: the first step of a recovery.

`torch.optim.swa_utils.update_bn` would run dropout as in training, and leaves out auxiliary heads.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

__all__ = ["has_statistics", "recalibrate"]


def has_statistics(model: nn.Module) -> bool:
    """Return whether a network has a BatchNorm that keeps statistics."""
    return bool(_layers(model))


def _layers(model: nn.Module) -> list[_BatchNorm]:
    return [m for m in model.modules() if isinstance(m, _BatchNorm) and m.track_running_stats]


def recalibrate(
    model: nn.Module,
    batches: Iterable[Tensor],
    *,
    progress: Callable[[int], None] = lambda done: None,
) -> int:
    """Replace the running statistics of every BatchNorm by averages over batches; in place.

    Once channels are gone, what later layers see has another mean and variance than the stored
    ones. Every batch weighs the same (a cumulative average), and only BatchNorm layers are in
    training mode, so that dropout stays off. Weights are untouched. Auxiliary heads are run too.

    Args:
        batches: images `(N, 3, H, W)`, normalised, at least two each: a BatchNorm over a global
            average needs more than one value.

    Returns:
        How many batches were seen; with none, the statistics are as they were.
    """
    layers = _layers(model)
    modes = {module: module.training for module in model.modules()}
    momenta = {layer: layer.momentum for layer in layers}
    seen = 0
    try:
        model.eval()
        for layer in layers:
            layer.train()
        with torch.no_grad():
            for images in batches:
                if seen == 0:
                    for layer in layers:
                        layer.reset_running_stats()
                        layer.momentum = None  # torch's spelling of a cumulative average
                run = getattr(model, "forward_with_aux", model)
                run(images)
                seen += 1
                progress(seen)
    finally:
        for layer, momentum in momenta.items():
            layer.momentum = momentum
        for module, training in modes.items():
            module.training = training
    return seen
