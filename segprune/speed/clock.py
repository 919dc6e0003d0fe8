"""How long one call takes: by the host's clock on a CPU, by the device's own events on CUDA."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import nn

from segprune.core.execution import tensors_in
from segprune.errors import InputError

__all__ = ["Call", "Stopwatch", "cpu_threads", "device_of", "stopwatch_of"]

Call = Callable[[], object]
Stopwatch = Callable[[Call], float]
"""Runs a call to its end and returns its time in ms."""


def stopwatch_of(device: torch.device) -> Stopwatch:
    """Return the clock that is accurate on a device."""
    if device.type != "cuda":
        return _host_ms

    def watch(call: Call) -> float:
        with torch.cuda.device(device):  # events belong to the device that is current
            return _cuda_ms(call)

    return watch


def device_of(reference: nn.Module, candidate: nn.Module, inputs: Any) -> torch.device:
    """Return the one device of both networks and their inputs.

    Raises:
        InputError: no tensor among the inputs, several devices, or one without a known clock.
    """
    found = tensors_in(inputs)
    if not found:
        raise InputError(
            f"example_inputs: expected a tensor or a dict or tuple of them, found "
            f"{type(inputs).__name__}; pass e.g. torch.rand(1, 3, 512, 1024)."
        )
    devices = {t.device for t in (*found, *reference.parameters(), *candidate.parameters())}
    if len(devices) != 1 or next(iter(devices)).type not in ("cpu", "cuda"):
        names = ", ".join(sorted(map(str, devices)))
        raise InputError(
            f"device: expected both networks and their inputs on one CPU or CUDA device, found "
            f"{names}; move them with .to(device)."
        )
    return devices.pop()


@contextlib.contextmanager
def cpu_threads(count: int) -> Iterator[None]:
    """Use this number of CPU threads within the block, and the former number after it."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _host_ms(call: Call) -> float:
    begin = time.perf_counter_ns()
    call()
    return (time.perf_counter_ns() - begin) / 1e6


def _cuda_ms(call: Call) -> float:
    """Kernels run after their launch returns: only the device's own events measure their time."""
    begin, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
    torch.cuda.synchronize()
    begin.record()
    call()
    end.record()
    torch.cuda.synchronize()
    return float(begin.elapsed_time(end))
