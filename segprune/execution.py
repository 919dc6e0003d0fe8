"""Run a user's network: any form of inputs and outputs, and nothing left disturbed."""

from __future__ import annotations

import contextvars
from collections.abc import Iterable, Mapping
from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np
from torch import Tensor, nn

from segprune.process_state import undisturbed

__all__ = ["hidden_in", "run_method", "tensors_in", "undisturbed"]


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
        return apart(call, **inputs)
    if isinstance(inputs, (tuple, list)):
        return apart(call, *inputs)
    return apart(call, inputs)


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
