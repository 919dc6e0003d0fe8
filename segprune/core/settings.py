"""Settings of modules: with the same tensors, another stride makes another network.

Verification and artefacts read the same attributes: verification compares all of them, a file has
those that decide what a network computes in evaluation mode.
"""

from __future__ import annotations

import inspect
import math
import types
from typing import Any

import torch
from torch import nn

__all__ = ["attributes_of", "is_of_torch", "same_kind", "settings_of"]

# A compiled call is the same code; torch leaves it out of copies.
_INTERNAL = frozenset(vars(nn.Module())) | {"_compiled_call_impl"}
# These matter in training only, and change nothing that evaluation computes.
_OF_TRAINING = frozenset({
    "p", "dropout", "inplace", "momentum", "process_group", "scale_grad_by_freq", "sparse",
})  # fmt: skip
_NORMS = frozenset({"BatchNorm1d", "BatchNorm2d", "BatchNorm3d", "SyncBatchNorm"})


def is_of_torch(module: nn.Module) -> bool:
    """Return whether a module's class is one of torch's own."""
    return type(module).__module__.startswith("torch.nn.")


def attributes_of(module: nn.Module) -> dict[str, Any]:
    """Return what a module stores beside its tensors, modules, hooks and mode."""
    return {key: value for key, value in vars(module).items() if key not in _INTERNAL}


def settings_of(module: nn.Module) -> dict[str, Any]:
    """Return the settings that decide what a module computes in evaluation mode, for JSON.

    A user's own class stores counters and paths beside what it computes with. Of these only the
    arguments of the torch class that it extends are read.
    """
    ours = None if is_of_torch(module) else _arguments(type(module))
    return {
        key: _plain(value)
        for key, value in attributes_of(module).items()
        if not key.startswith("_")
        and key not in _OF_TRAINING
        and (ours is None or key in ours)
        and _is_plain(value)
    }


def same_kind(one: str, other: str) -> bool:
    """Return whether two classes with the same tensors compute the same in evaluation mode.

    All batch norms do. A dropout does nothing, so an identity may stand in its place.
    """
    alike = {one, other} <= _NORMS or (_does_nothing(one) and _does_nothing(other))
    return one == other or alike


def _does_nothing(kind: str) -> bool:
    return kind in ("Identity", "StochasticDepth") or "drop" in kind.lower()


def _arguments(kind: type) -> frozenset[str]:
    """Return the arguments of the torch classes that a class extends."""
    found: set[str] = set()
    for base in kind.__mro__:
        if base.__module__.startswith("torch.nn.") and base is not nn.Module:
            found.update(inspect.signature(base).parameters)
    return frozenset(found)


def _is_plain(value: Any) -> bool:
    if isinstance(value, (list, tuple)):
        return all(map(_is_plain, value))
    plain = (bool, int, float, str, torch.dtype, types.FunctionType, types.BuiltinFunctionType)
    return value is None or isinstance(value, plain)


def _plain(value: Any) -> Any:
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, (types.FunctionType, types.BuiltinFunctionType)):
        return value.__qualname__
    return str(value) if isinstance(value, torch.dtype) else value
