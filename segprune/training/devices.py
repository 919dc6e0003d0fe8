"""Where a training computes, and what is done beside it: on an accelerator if there is one.

Networks come from a recipe on the CPU, and that is where they are pruned, proved and saved. In
between, whatever runs over many images borrows them for the device that trains them.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from typing import Any

import torch
from torch import nn

from segprune.training.sections import TrainingSection

__all__ = ["borrowed", "working_device"]


def working_device(section: TrainingSection) -> torch.device:
    """The device that Lightning is about to take for `training.accelerator`, in this process.

    Lightning itself answers for an accelerator that is not there, when the training begins.
    """
    found = torch.accelerator.current_accelerator(check_available=True)
    if found is None or section.accelerator not in ("auto", "gpu", found.type):
        return torch.device("cpu")
    rank = int(os.environ.get("LOCAL_RANK", "0"))  # among the processes of this machine
    return torch.device(found.type, rank % max(torch.accelerator.device_count(), 1))


@contextlib.contextmanager
def borrowed(network: nn.Module, device: torch.device) -> Iterator[nn.Module]:
    """The network on a device, and back on the CPU afterwards; in place.

    Kernels whose sums come in another order may round otherwise there. Reduced precision, which a
    GPU's convolutions take for float32 unless told, stays out.
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
