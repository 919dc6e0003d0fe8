"""Put back what a run of the user's code may change in this process."""

from __future__ import annotations

import contextlib
import random
import threading
import warnings
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import nn

from segprune.core.state.snapshot import preserve_user_state

__all__ = ["preserve_generators", "preserve_global_state", "seeded"]

_AUTOCAST = ("cpu", "cuda", "xpu", "mps")
_LAZY = ("cuda", "xpu")
_CUDNN = ("enabled", "benchmark", "deterministic")
# Warning filters, the fast path of attention and Python's generators have no copy for each thread.
# Two runs at once would put back each other's changes, so there is one run at a time.
_ONE_RUN = threading.RLock()


@contextlib.contextmanager
def preserve_global_state(seed: int = 0, model: nn.Module | None = None) -> Iterator[None]:
    """Run the user's code from a fixed seed and leave the process as it was.

    Random generators, warning filters, autocast and torch's switches (types, devices, threads,
    determinism) are put back, whatever the code did. Only one thread is within the block at
    a time. Other threads keep their autocast; while the block lasts they share its generators, its
    warning filters and the slow path of attention, for the process has these only once.

    Args:
        model: the network that runs; what its code keeps outside its modules is put back, too.
    """
    code = contextlib.nullcontext() if model is None else preserve_user_state(model)
    with _ONE_RUN, code, preserve_generators(), warnings.catch_warnings(), _switches_kept():
        warnings.simplefilter("ignore")
        random.seed(seed)
        np.random.seed(seed)
        for generator in _generators():
            generator.manual_seed(seed)
        torch.backends.mha.set_fastpath_enabled(False)  # one fused operator would hide the layers
        with _full_precision():
            yield


@contextlib.contextmanager
def preserve_generators() -> Iterator[None]:
    """Put every random generator back: Python's, numpy's, and torch's on each device in use.

    A device that is not in use stays unused: its generator is put back without a call to it.
    """
    python_state, numpy_state = random.getstate(), np.random.get_state()
    states = {generator: generator.get_state() for generator in _generators()}
    pending = {kind: dict(vars(tracker)) for kind, tracker in _pending_seeds()}
    try:
        yield
    finally:
        for kind, tracker in _pending_seeds():
            vars(tracker).update(pending[kind])
        for generator in _generators():
            if generator in states:
                generator.set_state(states[generator])
            else:  # the code was the first to use this device
                generator.manual_seed(generator.initial_seed())
        np.random.set_state(numpy_state)
        random.setstate(python_state)


@contextlib.contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Draw torch's random numbers from a seed; every generator is put back after the block."""
    with preserve_generators():
        for generator in _generators():
            generator.manual_seed(seed)
        yield


def _generators() -> list[torch.Generator]:
    """Return the default generators of the CPU and of every device that is in use.

    `torch.manual_seed` would also seed devices that are not in use, as soon as they are.
    """
    found = [torch.default_generator]
    for kind in _LAZY:
        backend = getattr(torch, kind)
        if backend.is_initialized():
            found += backend.default_generators
    if torch.backends.mps.is_available():
        found.append(torch.mps._get_default_mps_generator())
    return found


def _pending_seeds() -> Iterator[tuple[str, Any]]:
    """Yield the seeds that `torch.manual_seed` leaves for devices that are not in use yet."""
    for kind in _LAZY:
        tracker = getattr(getattr(torch, kind), "_lazy_seed_tracker", None)
        if tracker is not None:
            yield kind, tracker


@contextlib.contextmanager
def _switches_kept() -> Iterator[None]:
    """Put torch's and numpy's settings back, where the code changed them."""
    before = [(read(), read, write) for read, write in _switches()]
    try:
        yield
    finally:
        for value, read, write in before:
            if read() != value:
                write(value)


def _switches() -> Iterator[tuple[Callable[[], Any], Callable[[Any], object]]]:
    yield torch.get_default_dtype, torch.set_default_dtype
    yield torch.get_default_device, _set_default_device
    yield torch.is_grad_enabled, torch.set_grad_enabled
    yield torch.get_num_threads, torch.set_num_threads
    yield torch.get_deterministic_debug_mode, torch.set_deterministic_debug_mode
    yield torch.backends.mha.get_fastpath_enabled, torch.backends.mha.set_fastpath_enabled
    yield torch.is_autocast_cache_enabled, torch.set_autocast_cache_enabled
    for kind in _AUTOCAST:
        yield partial(torch.is_autocast_enabled, kind), partial(torch.set_autocast_enabled, kind)
        yield partial(torch.get_autocast_dtype, kind), partial(torch.set_autocast_dtype, kind)
    for name in _CUDNN:
        cudnn = torch.backends.cudnn
        yield partial(getattr, cudnn, name), partial(setattr, cudnn, name)
    yield np.geterr, lambda value: np.seterr(**value)


def _set_default_device(device: torch.device) -> None:
    """Set the default device; for the CPU take the setting away, which is a mode of functions."""
    torch.set_default_device(None if device.type == "cpu" else device)


@contextlib.contextmanager
def _full_precision() -> Iterator[None]:
    """Turn autocast off, around the code and inside it, in this thread alone.

    It rounds to half precision, which hides or feigns differences.
    """
    here = threading.get_ident()
    enter: Callable[..., Any] = torch.autocast.__enter__
    leave: Callable[..., Any] = torch.autocast.__exit__

    def entered(context: torch.autocast) -> Any:
        return context if threading.get_ident() == here else enter(context)

    def left(context: torch.autocast, *raised: Any) -> Any:
        return None if threading.get_ident() == here else leave(context, *raised)

    for kind in _AUTOCAST:  # `_switches_kept` puts it back
        torch.set_autocast_enabled(kind, False)
    torch.autocast.__enter__ = entered  # type: ignore[method-assign]
    torch.autocast.__exit__ = left  # type: ignore[method-assign]
    try:
        yield
    finally:
        torch.autocast.__enter__ = enter  # type: ignore[method-assign]
        torch.autocast.__exit__ = leave  # type: ignore[method-assign]
