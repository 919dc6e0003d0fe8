"""Where a training computes, and how its images lie in memory there.

Networks come from a recipe on the CPU, and there they are pruned, proved and saved. In between, the
device that trains them also does whatever runs over many images.

Channels last is left out where its kernels are wrong. On a CPU, in bfloat16 and channels last,
torch 2.15 (oneDNN, AVX-512) computes the weight gradient of a dilated convolution from memory that
nothing has written, if the input channels do not fill vectors of sixteen: a garbage gradient, and
NaN sooner or later. Published networks have widths of 32, 64, 128; pruned ones run into it.
Contiguous images are not affected, nor is float32.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from typing import Any

import torch
from torch import nn

from segprune.training.sections import TrainingSection

__all__ = ["on_device", "untrustworthy", "wants_channels_last", "working_device"]

_VECTOR = 16


def working_device(section: TrainingSection) -> torch.device:
    """Return the device that Lightning will choose for `training.accelerator`, in this process.

    Lightning reports an accelerator that is missing when the training begins.
    """
    found = torch.accelerator.current_accelerator(check_available=True)
    if found is None or section.accelerator not in ("auto", "gpu", found.type):
        return torch.device("cpu")
    rank = int(os.environ.get("LOCAL_RANK", "0"))  # among the processes of this machine
    return torch.device(found.type, rank % max(torch.accelerator.device_count(), 1))


@contextlib.contextmanager
def on_device(network: nn.Module, device: torch.device) -> Iterator[nn.Module]:
    """Move a network to a device, and back to the CPU afterwards; in place.

    Kernels whose sums come in another order may round otherwise there. Reduced precision, which a
    GPU's convolutions use for float32 by default, is switched off.
    """
    backends: Any = torch.backends  # whose attributes torch makes as it is imported
    kinds = (backends.cudnn.conv, backends.cuda.matmul)
    before = [kind.fp32_precision for kind in kinds]
    for kind in kinds:
        kind.fp32_precision = "ieee"
    try:
        yield network.to(device)
    finally:
        for kind, precision in zip(kinds, before, strict=True):
            kind.fp32_precision = precision
        network.to("cpu")


def wants_channels_last(network: nn.Module, section: TrainingSection) -> bool:
    """Return whether a training of this network is channels last, if its recipe says so."""
    return section.channels_last and not (
        # float16 too: it has the kernels of bfloat16, and its gradients were not measured.
        section.precision != "32-true"
        and working_device(section).type == "cpu"
        and untrustworthy(network)
    )


def untrustworthy(network: nn.Module) -> tuple[str, ...]:
    """Name convolutions whose gradient may be garbage on a CPU, in bfloat16 and channels last."""
    return tuple(
        name
        for name, module in network.named_modules()
        if isinstance(module, nn.Conv2d)
        and max(module.dilation) > 1
        and (module.in_channels // module.groups) % _VECTOR
    )
