"""What speed is measured on: two networks, a batch and how it lies in memory, and the numbers."""

from __future__ import annotations

import math
from numbers import Real
from typing import Any

import torch
from torch import Tensor, nn

from segprune.core.execution import tensors_in
from segprune.errors import InputError
from segprune.records.speed import MemoryFormat
from segprune.speed.clock import device_of

__all__ = [
    "MEMORY_FORMATS",
    "batch_size",
    "facts_of",
    "in_format",
    "require_networks",
    "require_positive",
]  # fmt: skip


MEMORY_FORMATS = {
    "contiguous": torch.contiguous_format,
    "channels_last": torch.channels_last,
}

_MOST_THREADS = 1024


def batch_size(given: Any) -> tuple[int, ...] | None:
    """`(N, C, H, W)` of a list or tuple of four whole numbers above 0; None of anything else."""
    size = tuple(given) if isinstance(given, (list, tuple)) else ()
    whole = len(size) == 4 and all(type(number) is int and number > 0 for number in size)
    return size if whole else None


def in_format(images: Tensor, memory_format: MemoryFormat) -> Tensor:
    """The same images `(N, C, H, W)`, laid out in this way."""
    return images.to(memory_format=MEMORY_FORMATS[memory_format])


def facts_of(
    reference: nn.Module, candidate: nn.Module, inputs: Any, threads: int, warmup: int, seed: int
) -> dict[str, Any]:
    """Batch, threads and device of a measurement.

    Raises:
        InputError: something else than networks, no batch among the inputs, a number that is not
            whole or out of range, or as for `device_of`.
    """
    require_networks(reference, candidate)
    for name, value, least, most in (
        ("threads", threads, 1, _MOST_THREADS),
        ("warmup", warmup, 0, 10_000),
        ("seed", seed, -(2**63), 2**63),
    ):
        if type(value) is not int or not least <= value <= most:
            raise InputError(
                f"{name}: expected a whole number from {least} to {most}, found {value!r}."
            )
    device = device_of(reference, candidate, inputs)
    found = tensors_in(inputs)
    images = next((tensor for tensor in found if tensor.dim() == 4), found[0])
    if images.dim() == 0 or images.shape[0] == 0:
        raise InputError(
            f"example_inputs: expected a batch (N, C, H, W), found shape {tuple(images.shape)}; "
            "pass e.g. torch.rand(1, 3, 512, 1024)."
        )
    return {"batch": images.shape[0], "threads": threads, "device": device.type}


def require_networks(reference: Any, candidate: Any) -> None:
    """Raise InputError unless both are networks."""
    for name, network in (("reference", reference), ("candidate", candidate)):
        if not isinstance(network, nn.Module):
            raise InputError(
                f"{name}: expected a network (nn.Module), found {type(network).__name__}; load it "
                "first."
            )


def require_positive(**numbers: Any) -> None:
    """Raise InputError unless all are finite numbers above 0."""
    for name, value in numbers.items():
        usable = isinstance(value, Real) and not isinstance(value, bool)
        if not (usable and math.isfinite(value) and value > 0):
            raise InputError(f"{name}: expected a number above 0, found {value!r}.")
