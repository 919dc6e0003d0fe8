"""What torch's own modules are set to: with the same tensors, another stride is another network."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

from torch import nn

__all__ = ["Settings", "differing", "settings_of"]

Settings = Mapping[str, Mapping[str, Any]]
"""By the name of a module: what it is set to, as JSON has it."""

_DECISIVE = (
    "stride", "padding", "dilation", "output_padding", "padding_mode", "kernel_size", "ceil_mode",
    "count_include_pad", "divisor_override", "output_size", "size", "scale_factor", "mode",
    "align_corners", "upscale_factor", "downscale_factor", "eps", "negative_slope", "alpha", "beta",
    "threshold", "value", "min_val", "max_val", "lambd", "approximate", "dim", "start_dim",
    "end_dim", "num_heads", "batch_first", "norm_first",
)  # fmt: skip
"""All that changes what a module computes in evaluation mode, but for what pruning changes. What
only training knows (momentum, the share that is dropped) may be another when a file is loaded."""


def settings_of(model: nn.Module) -> dict[str, dict[str, Any]]:
    """Of each module of torch that has any; those without tensors are told by their kind as well.

    A user's own modules hold counters and paths beside what they compute with, and are left out.
    """
    found = {}
    for name, module in model.named_modules():
        if not type(module).__module__.startswith("torch.nn."):
            continue
        own = {key: _plain(vars(module)[key]) for key in _DECISIVE if key in vars(module)}
        if _is_told_by_kind(module):
            own["kind"] = type(module).__name__
        if own:
            found[name] = own
    return found


def differing(wanted: Settings, model: nn.Module) -> Iterator[str]:
    """Where a network is set to something else, in words; modules that it lacks are no such place.

    Auxiliary heads may have been left out of either.
    """
    found = settings_of(model)
    for name, own in wanted.items():
        for key, value in own.items():
            other = found.get(name, own).get(key)
            if other != value:
                yield f"{name or 'the network'}: expected {key} {value}, found {other}"


def _is_told_by_kind(module: nn.Module) -> bool:
    """Not so a dropout or what may stand in its place, for both do nothing in evaluation mode."""
    nothing = isinstance(module, (nn.Identity, nn.modules.dropout._DropoutNd))
    empty = not (module._parameters or module._buffers or module._modules)
    return empty and not nothing


def _plain(value: Any) -> Any:
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value if value is None or isinstance(value, (bool, int, float, str)) else str(value)
