"""Settings of a network's modules: stored in its file, and compared when it is loaded."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from torch import nn

from segprune.core import settings
from segprune.core.settings import same_kind

__all__ = ["Settings", "differing", "settings_of"]

Settings = Mapping[str, Mapping[str, Any]]
"""By the name of a module: what it is set to, as JSON has it."""


def settings_of(model: nn.Module) -> dict[str, dict[str, Any]]:
    """Settings of every module, and the name of its class as "kind".

    The header has the class of the network itself.
    """
    found = {}
    for name, module in model.named_modules():
        own = settings.settings_of(module)
        if name:
            own["kind"] = type(module).__name__
        if own:
            found[name] = own
    return found


def differing(wanted: Settings, model: nn.Module) -> Iterator[str]:
    """Find settings of a network that differ from the wanted ones.

    Settings that a module lacks are skipped: versions of torch have different settings, and a
    file of an earlier version has fewer.
    """
    found = settings_of(model)
    modules = dict(model.named_modules())
    for name, own in wanted.items():
        if name not in modules:
            yield f"{name}: expected a module with {len(own)} settings, found none of that name"
            continue
        for key, value in own.items():
            other = found.get(name, {}).get(key, value)
            if other != value and not (key == "kind" and same_kind(str(value), str(other))):
                yield f"{name or 'the network'}: expected {key} {value}, found {other}"
