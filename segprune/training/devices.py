"""Where a training computes, and what is done beside it: on an accelerator if there is one.

Networks come from a recipe on the CPU, and that is where they are pruned, proved and saved. In
between, whatever runs over many images borrows them for the device that trains them.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import torch
from torch import nn

from segprune.training.recipe import TrainingSection

__all__ = ["borrowed", "working_device"]


def working_device(section: TrainingSection, rank: int = 0) -> torch.device:
    """The device that Lightning takes for `training.accelerator`, in the process of this rank.

    Lightning itself answers for an accelerator that is not there, when the training begins.
    """
    found = torch.accelerator.current_accelerator(check_available=True)
    if found is None or section.accelerator not in ("auto", "gpu", found.type):
        return torch.device("cpu")
    return torch.device(found.type, rank % max(torch.accelerator.device_count(), 1))


@contextlib.contextmanager
def borrowed(network: nn.Module, device: torch.device) -> Iterator[nn.Module]:
    """The network on a device, and back on the CPU afterwards; in place.

    Kernels whose sums come in another order may round otherwise there. Reduced precision, which a
    GPU's convolutions take for float32 unless told, stays out.
    """
    convolutions = torch.backends.cudnn.allow_tf32
    torch.backends.cudnn.allow_tf32 = False
    try:
        yield network.to(device)
    finally:
        torch.backends.cudnn.allow_tf32 = convolutions
        network.to("cpu")
