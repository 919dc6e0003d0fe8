"""Run a user's network: any form of inputs and outputs, and nothing left disturbed."""

from __future__ import annotations

import contextvars
import os
import traceback
from collections.abc import Callable, Iterable, Mapping
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor, nn

from segprune.core.state.process import preserve_global_state

__all__ = [
    "PACKAGE",
    "hidden_in",
    "is_ours",
    "preserve_global_state",
    "run_method",
    "tensors_in",
    "theirs",
]

PACKAGE = str(Path(__file__).parents[1]) + os.sep
"""The folder of this package, which ends with a separator."""

_NETWORKS = PACKAGE + "models" + os.sep
"""Networks that the package builds fail as a user's do."""


def run_method(
    model: nn.Module, method: str, inputs: Any, context: contextvars.Context | None = None
) -> Any:
    """Call a method with example inputs: a tensor, a tuple, or a dict of keyword arguments.

    Args:
        context: what the method sets in context variables stays in it; without one it is dropped,
            for a variable that is set cannot be unset again.
    """
    call = model if method == "forward" else getattr(model, method)
    apart = (contextvars.copy_context() if context is None else context).run
    if isinstance(inputs, dict):
        return theirs(apart, call, **inputs)
    if isinstance(inputs, (tuple, list)):
        return theirs(apart, call, *inputs)
    return theirs(apart, call, inputs)


def theirs(code: Callable[..., Any], /, *args: Any, **keywords: Any) -> Any:
    """Call code that is not this package's: what it raises is not our error."""
    return code(*args, **keywords)


def is_ours(error: BaseException) -> bool:
    """Whether an exception was raised by this package's code, and not by the user's or torch's."""
    ours = True
    for frame, _ in traceback.walk_tb(error.__traceback__):
        file = frame.f_code.co_filename
        if frame.f_code is theirs.__code__ or file.startswith(_NETWORKS):
            ours = False
        elif file.startswith(PACKAGE):
            ours = True
    return ours


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
