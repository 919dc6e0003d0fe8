"""Write a pruned network as one safetensors file that rebuilds it, without pickle."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save as to_bytes
from torch import Tensor, nn

from segprune.artifacts.digest import payload_digest
from segprune.artifacts.header import KEY, SCHEMA
from segprune.artifacts.settings import settings_of
from segprune.core.finite import not_finite
from segprune.core.modules import aliases, is_channels_last, network_digest, tensors_of
from segprune.core.plan import PrunePlan
from segprune.core.state.process import preserve_generators
from segprune.errors import ArtifactError
from segprune.models import build, spec_of
from segprune.records.io import write_atomic

__all__ = ["require_deployable", "save"]

_ROUNDING = 2.0**-8  # of a tensor's norm; bfloat16, the coarsest type, loses half of it
_TYPES = (torch.float16, torch.bfloat16, torch.float32, torch.float64)


def save(
    path: str | Path,
    pruned: nn.Module,
    plan: PrunePlan,
    *,
    dtype: torch.dtype | None = None,
    deploy: bool = False,
    metadata: Mapping[str, Any] | None = None,
) -> Path:
    """Write a pruned network; the file appears whole or not at all.

    Args:
        path: where to, usually `*.safetensors`.
        pruned: what `plan` makes of its dense network, trained or not.
        dtype: store floating-point parameters in this type, e.g. `torch.float16`. Buffers
            (BatchNorm statistics) and tensors that it cannot hold, for their numbers would overflow
            or in bulk become zero, stay as they are.
        deploy: leave out the auxiliary heads, which only training needs (networks of `build`).
        metadata: JSON-able facts to keep beside it.

    Raises:
        ArtifactError: the network is not what the plan leads to, holds a state beside its tensors,
            or weights that are NaN or infinite; or the file cannot be written.
    """
    _check_save(plan, dtype, metadata)
    _require_tensors_alone(pruned)
    tensors = tensors_of(pruned)
    spec = spec_of(pruned)
    shapes = {name: tuple(tensor.shape) for name, tensor in tensors.items()}
    if network_digest(shapes) != plan.result:
        raise ArtifactError(
            f"{type(pruned).__name__}: expected the network that the plan leads to "
            f"({plan.result[:12]}), found another ({network_digest(shapes)[:12]}); save the "
            "network that prune(model, plan) returned, trained or not."
        )
    if broken := not_finite(tensors, pruned):
        raise ArtifactError(f"{type(pruned).__name__}: {broken}")
    if deploy:
        require_deployable(pruned)
        plan, spec, gone = _without_auxiliary_heads(plan, spec, shapes)
        tensors = {name: tensor for name, tensor in tensors.items() if name not in gone}
    ties = {first: names for first, names in aliases(pruned).items() if first in tensors}
    parameters = dict(pruned.named_parameters(remove_duplicate=False))
    stored = {
        first: _stored(tensors[first].detach(), dtype if first in parameters else None)
        for first in ties
    }
    header = {
        "schema": SCHEMA,
        "plan": json.loads(plan.to_json()),
        "spec": spec,
        "network": type(pruned).__name__,
        "ties": {first: list(names) for first, names in ties.items()},
        "types": {first: _type_name(tensors[first]) for first in ties},
        "settings": settings_of(pruned),
        "channels_last": [first for first in ties if is_channels_last(tensors[first])],
        "metadata": metadata or {},
    }
    try:
        header["payload"] = payload_digest(header, stored)
        text = json.dumps(header, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise ArtifactError(
            f"metadata: expected what JSON can hold, found {error}; convert it to numbers, "
            "strings, lists and dicts."
        ) from error
    write_atomic(Path(path), to_bytes(stored, {KEY: text}))
    return Path(path)


def require_deployable(model: nn.Module) -> None:
    """Refuse a network whose training-only parts are unknown, whether it is pruned or not.

    Raises:
        ArtifactError: the network is not one of `build` with an option for auxiliary heads.
    """
    spec = spec_of(model)
    if spec is None or "aux" not in spec["options"]:
        raise ArtifactError(
            f"deploy: expected a network of segprune.build, found {type(model).__name__}; save it "
            "without deploy=, or remove what inference does not need before pruning."
        )


def _check_save(plan: Any, dtype: Any, metadata: Any) -> None:
    if not isinstance(plan, PrunePlan):
        raise ArtifactError(
            f"plan: expected the PrunePlan of the network, found {type(plan).__name__}; "
            "pass the plan that prune() was given."
        )
    if dtype is not None and dtype not in _TYPES:
        known = ", ".join(str(item) for item in _TYPES)
        raise ArtifactError(f"dtype: expected one of {known}, or None, found {dtype!r}.")
    if metadata is not None and not (
        isinstance(metadata, Mapping) and all(isinstance(key, str) for key in metadata)
    ):
        raise ArtifactError(
            f"metadata: expected a mapping with string keys, found {metadata!r}; "
            "JSON has no others."
        )


def _require_tensors_alone(pruned: nn.Module) -> None:
    for name, module in pruned.named_modules():
        if type(module).get_extra_state is not nn.Module.get_extra_state:
            raise ArtifactError(
                f"{name or 'the network'}: expected parameters and buffers alone, found a state of "
                f"another kind ({type(module).__name__}.get_extra_state), which this file does not "
                "hold; make it a buffer."
            )
    if "__metadata__" in tensors_of(pruned):
        raise ArtifactError(
            "__metadata__: expected another name of a tensor, for safetensors has this one for "
            "itself; rename it."
        )


def _type_name(tensor: Tensor) -> str:
    return str(tensor.dtype).removeprefix("torch.")


def _without_auxiliary_heads(
    plan: PrunePlan, spec: dict[str, Any] | None, shapes: Mapping[str, tuple[int, ...]]
) -> tuple[PrunePlan, dict[str, Any], set[str]]:
    assert spec is not None  # `require_deployable` checks it
    lean = {**spec, "options": {**spec["options"], "aux": False}}
    with preserve_generators():
        dense = {
            name: tuple(tensor.shape)
            for name, tensor in tensors_of(build(lean["name"], **lean["options"])).items()
        }
    gone = set(shapes) - set(dense)
    result = network_digest({name: shape for name, shape in shapes.items() if name in dense})
    return plan.without(gone, network_digest(dense), result), lean, gone


# -- tensors ---------------------------------------------------------------------------------------


def _stored(tensor: Tensor, dtype: torch.dtype | None) -> Tensor:
    tensor = tensor.cpu().contiguous()
    if dtype is not None and tensor.is_floating_point():
        small = tensor.to(dtype)
        if not torch.isfinite(tensor).all() or _is_close(small.to(tensor.dtype), tensor):
            tensor = small
    return tensor.clone()


def _is_close(rounded: Tensor, tensor: Tensor) -> bool:
    """Whether rounding lost no more than it must: neither to infinity, nor in bulk to zero."""
    lost = torch.linalg.vector_norm((rounded - tensor).double())
    return bool(lost <= _ROUNDING * torch.linalg.vector_norm(tensor.double()))
