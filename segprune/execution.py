"""Run a user's network: any form of inputs and outputs, and nothing left disturbed."""

from __future__ import annotations

import contextlib
import random
import warnings
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from segprune.user_state import kept_as_it_is

__all__ = ["hidden_in", "run_method", "tensors_in", "undisturbed"]


def run_method(model: nn.Module, method: str, inputs: Any) -> Any:
    """Call a method with example inputs: a tensor, a tuple, or a dict of keyword arguments."""
    call = model if method == "forward" else getattr(model, method)
    if isinstance(inputs, dict):
        return call(**inputs)
    if isinstance(inputs, (tuple, list)):
        return call(*inputs)
    return call(inputs)


def tensors_in(item: Any) -> list[Tensor]:
    """All tensors in nested tuples, lists, mappings and dataclasses, in order."""
    if isinstance(item, Tensor):
        return [item]
    return [tensor for part in _parts(item) or () for tensor in tensors_in(part)]


def hidden_in(item: Any) -> object | None:
    """The first object in an output that holds tensors where `tensors_in` does not look."""
    parts = _parts(item)
    if parts is not None:
        return next((found for part in parts if (found := hidden_in(part)) is not None), None)
    if isinstance(item, (Tensor, type)):
        return None
    held = list(getattr(item, "__dict__", {}).values())
    arrays = any(isinstance(part, np.ndarray) for part in (item, *held))
    return item if arrays or tensors_in(held) else None


def _parts(item: Any) -> Iterable[Any] | None:
    """What a container of inputs or outputs holds; None of anything else."""
    if isinstance(item, Mapping):
        return item.values()
    if isinstance(item, (list, tuple)):
        return item
    if is_dataclass(item) and not isinstance(item, type):
        return [getattr(item, part.name) for part in fields(item)]
    return None


@contextlib.contextmanager
def _full_precision() -> Iterator[None]:
    """Autocast inside a forward rounds to half precision, which hides or feigns differences."""
    enter, leave = torch.autocast.__enter__, torch.autocast.__exit__
    torch.autocast.__enter__ = lambda self: self  # type: ignore[method-assign]
    torch.autocast.__exit__ = lambda self, *_: None  # type: ignore[method-assign]
    try:
        yield
    finally:
        torch.autocast.__enter__ = enter  # type: ignore[method-assign]
        torch.autocast.__exit__ = leave  # type: ignore[method-assign]


@contextlib.contextmanager
def undisturbed(seed: int = 0, model: nn.Module | None = None) -> Iterator[None]:
    """Our runs of the user's code leave no warnings and no change in any random generator.

    Args:
        model: the network that runs; what its code keeps outside its modules is put back.
    """
    with contextlib.ExitStack() as stack:
        if model is not None:
            stack.enter_context(kept_as_it_is(model))
        stack.enter_context(_seeded(seed))
        yield


@contextlib.contextmanager
def _seeded(seed: int) -> Iterator[None]:
    python_state, numpy_state = random.getstate(), np.random.get_state()
    with warnings.catch_warnings(), torch.random.fork_rng(devices=[]), _full_precision():
        warnings.simplefilter("ignore")
        random.seed(seed)
        np.random.seed(seed)
        torch.manual_seed(seed)
        fast_path = torch.backends.mha.get_fastpath_enabled()
        torch.backends.mha.set_fastpath_enabled(False)  # one fused operator would hide the layers
        try:
            yield
        finally:
            torch.backends.mha.set_fastpath_enabled(fast_path)
            random.setstate(python_state)
            np.random.set_state(numpy_state)
