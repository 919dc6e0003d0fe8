"""The networks by name: one place that builds them, and the way back from a network to its name."""

from __future__ import annotations

import copy
import inspect
from collections.abc import Callable
from typing import Any, cast

from torch import nn

from segprune.errors import ModelError
from segprune.models.bisenetv2 import BiSeNetV2
from segprune.models.contract import SegmentationModel
from segprune.models.icnet import ICNet

_MODELS: dict[str, type[BiSeNetV2] | type[ICNet]] = {"bisenetv2": BiSeNetV2, "icnet": ICNet}


def available() -> tuple[str, ...]:
    """The names `build` knows, in alphabetical order."""
    return tuple(sorted(_MODELS))


def build(
    name: str, num_classes: int = 19, aux: bool = True, **options: object
) -> SegmentationModel:
    """A freshly initialised network, ``(N, 3, H, W)`` to logits ``(N, num_classes, H, W)``.

    `name` is one of `available()`; `aux` adds the auxiliary heads; `options` are the network's
    own: ``width`` (both) and ``trunk`` (ICNet). Weights are random, drawn from torch's global
    generator; nothing is downloaded. Built on the current default device.

    Raises `ModelError` for an unknown name, an unknown option, or an option's invalid value.
    """
    if not isinstance(name, str) or name not in _MODELS:
        raise ModelError(
            f"model {name!r}: expected one of {', '.join(map(repr, available()))}, "
            f"found {name!r}; pass one of these, or segprune.models.adapt(...) your own network"
        )
    model_class = _MODELS[name]
    known = tuple(inspect.signature(model_class).parameters)
    unknown = sorted(set(options) - set(known))
    if unknown:
        raise ModelError(
            f"model {name!r}: expected options among {', '.join(map(repr, known))}, "
            f"found {', '.join(map(repr, unknown))}; correct or remove it"
        )
    constructor = cast(Callable[..., SegmentationModel], model_class)
    return constructor(num_classes, aux, **options)


def spec_of(model: nn.Module) -> dict[str, Any] | None:
    """The ``{"name": ..., "options": {...}}`` that `model` was built with; None for other networks.

    ``build(spec["name"], **spec["options"])`` declares the network again, every option resolved.
    The result is JSON-able and the caller's own copy. A pruned network keeps the spec of the
    dense network it was cut from.
    """
    spec = getattr(model, "segprune_spec", None)
    return copy.deepcopy(spec) if isinstance(spec, dict) else None
