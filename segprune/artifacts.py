"""One safetensors file that rebuilds a pruned network, without pickle, and notices changes."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save as to_bytes
from torch import Tensor, nn

from segprune.errors import ArtifactError, PlanError, SegpruneError
from segprune.models import build, spec_of
from segprune.network import (
    aliases,
    as_channels_last,
    copy_with,
    hash_tensors,
    is_channels_last,
    network_digest,
    tensors_of,
)
from segprune.plan import PrunePlan
from segprune.records import write_atomic
from segprune.surgery import prune

__all__ = ["SCHEMA", "Header", "load", "read_header", "save"]

SCHEMA = "segprune.artifact/1"
_KEY = "segprune"
_ROUNDING = 2.0**-8  # of a tensor's norm; bfloat16, the coarsest type, loses half of it
_TYPES = (torch.float16, torch.bfloat16, torch.float32, torch.float64)


@dataclass(frozen=True)
class Header:
    """What an artefact says about itself.

    Attributes:
        plan: how the network was pruned.
        spec: what `build` needs to declare the dense network; None for a user's own.
        network: class name of the network.
        ties: first name of each tensor -> all its names.
        types: first name -> the type that the network computes with, e.g. "float32".
        channels_last: names of the tensors in that memory format.
        payload: SHA-256 of all of this, and of names, types, shapes and bytes of the tensors.
        metadata: what the caller added, such as preprocessing.
        content: the header as it stands in the file.
    """

    plan: PrunePlan
    spec: Mapping[str, Any] | None
    network: str
    ties: Mapping[str, tuple[str, ...]]
    types: Mapping[str, str]
    channels_last: frozenset[str]
    payload: str
    metadata: Mapping[str, Any]
    content: Mapping[str, Any]


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
        ArtifactError: the network is not what the plan leads to, or the file cannot be written.
    """
    _check_save(plan, dtype, metadata)
    tensors = tensors_of(pruned)
    spec = spec_of(pruned)
    shapes = {name: tuple(tensor.shape) for name, tensor in tensors.items()}
    if network_digest(shapes) != plan.result:
        raise ArtifactError(
            f"{type(pruned).__name__}: expected the network that the plan leads to "
            f"({plan.result[:12]}), found another ({network_digest(shapes)[:12]}); save the "
            "network that prune(model, plan) returned, trained or not."
        )
    if deploy:
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
        "channels_last": [first for first in ties if is_channels_last(tensors[first])],
        "metadata": metadata or {},
    }
    try:
        header["payload"] = _digest(header, stored)
        text = json.dumps(header, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise ArtifactError(
            f"metadata: expected what JSON can hold, found {error}; convert it to numbers, "
            "strings, lists and dicts."
        ) from error
    write_atomic(Path(path), to_bytes(stored, {_KEY: text}))
    return Path(path)


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


def load(path: str | Path, model: nn.Module | None = None) -> nn.Module:
    """Rebuild a pruned network, in evaluation mode, on the CPU.

    Args:
        path: a file that `save` wrote.
        model: the dense network; needed unless it was made by `build`. It is not changed.

    Raises:
        ArtifactError: no such file; truncated, changed or foreign; another schema; no `model` where
            one is needed, or another network than the one that was pruned.
    """
    header, tensors = _read(Path(path))
    if model is None:
        if header.spec is None:
            raise ArtifactError(
                f"{path}: expected the dense {header.network} beside it, found none; this is not a "
                "network of segprune.build. Pass load(path, model=YourNetwork(...))."
            )
        with torch.random.fork_rng(devices=[]):
            model = build(header.spec["name"], **header.spec["options"])
    if type(model).__name__ != header.network:
        raise ArtifactError(
            f"{path}: expected the dense {header.network} that was pruned, found "
            f"{type(model).__name__}; another class may compute something else."
        )
    try:
        skeleton = prune(model, header.plan)
    except SegpruneError as error:
        raise ArtifactError(
            f"{path}: expected the dense {header.network} that was pruned, found another "
            f"{type(model).__name__}: {error}"
        ) from error
    wanted = {first: tuple(tensor.shape) for first, tensor in _firsts(skeleton).items()}
    found = {first: tuple(tensor.shape) for first, tensor in tensors.items()}
    if wanted != found or {k: set(v) for k, v in aliases(skeleton).items()} != {
        k: set(v) for k, v in header.ties.items()
    }:
        different = sorted(k for k in wanted.keys() | found.keys() if wanted.get(k) != found.get(k))
        raise ArtifactError(
            f"{path}: expected the tensors of the pruned {header.network}, found others at "
            f"{', '.join(different[:3]) or 'the ties'}; pass the network that was pruned."
        )
    restored = {
        name: _restored(tensors[first], header.types[first], first in header.channels_last)
        for first, names in header.ties.items()
        for name in names[:1]
    }
    return copy_with(skeleton, restored).eval()


def is_artifact(path: Path) -> bool:
    """Whether a file is to be read as one of ours; weights of others have no header."""
    try:
        with safe_open(path, framework="pt") as file:
            return "segprune" in (file.metadata() or {})
    except (SafetensorError, OSError):
        return path.suffix == ".safetensors"  # damaged or not there: `load` says how


def read_header(path: str | Path) -> Header:
    """What an artefact says about itself; its payload is checked.

    Raises:
        ArtifactError: no such file; truncated, changed or foreign; another schema.
    """
    return _read(Path(path))[0]


# -- reading ---------------------------------------------------------------------------------------


def _read(path: Path) -> tuple[Header, dict[str, Tensor]]:
    if not path.is_file():
        raise ArtifactError(f"{path}: expected an artefact, found no such file.")
    try:
        with safe_open(path, framework="pt") as file:
            text = (file.metadata() or {}).get(_KEY)
            names = list(file.keys()) if text else []
            tensors = {name: file.get_tensor(name) for name in names}
    except (SafetensorError, OSError, ValueError) as error:
        raise ArtifactError(
            f"{path}: expected a whole safetensors file, found {error}; it is truncated or of "
            "another kind. Copy it again, or save it again."
        ) from error
    if text is None:
        raise ArtifactError(
            f"{path}: expected an artefact of segprune, found a safetensors file without its "
            "header; to prune these weights pass them as weights of a dense network."
        )
    header = _header(path, text)
    digest = _digest(header.content, tensors)
    if digest != header.payload:
        raise ArtifactError(
            f"{path}: expected payload {header.payload[:12]}, found {digest[:12]}: tensors "
            "or header were changed after they were saved. Copy the file again."
        )
    return header, tensors


def _header(path: Path, text: str) -> Header:
    try:
        data = json.loads(text)
        schema = data["schema"]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise ArtifactError(
            f"{path}: expected a JSON header, found {type(error).__name__}: {error}; the file was "
            "changed."
        ) from error
    if schema != SCHEMA:
        raise ArtifactError(
            f"{path}: expected schema {SCHEMA!r}, found {schema!r}; read it with the version of "
            "segprune that wrote it, or save it again."
        )
    try:
        return Header(
            plan=PrunePlan.from_json(json.dumps(data["plan"])),
            spec=data["spec"],
            network=str(data["network"]),
            ties={first: tuple(names) for first, names in data["ties"].items()},
            types=dict(data["types"]),
            channels_last=frozenset(data["channels_last"]),
            payload=str(data["payload"]),
            metadata=dict(data["metadata"]),
            content=data,
        )
    except (PlanError, KeyError, TypeError, AttributeError, ValueError, RecursionError) as error:
        raise ArtifactError(
            f"{path}: expected a complete header, found {type(error).__name__}: {error}"
        ) from error


# -- tensors ---------------------------------------------------------------------------------------


def _firsts(model: nn.Module) -> dict[str, Tensor]:
    tensors = tensors_of(model)
    return {first: tensors[first] for first in aliases(model)}


def _digest(header: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> str:
    facts = {key: value for key, value in header.items() if key != "payload"}
    digest = hashlib.sha256(json.dumps(facts, sort_keys=True, allow_nan=False).encode())
    hash_tensors(digest, tensors)
    return digest.hexdigest()


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


def _restored(tensor: Tensor, type_name: str, channels_last: bool) -> Tensor:
    # A copy: tensors in the memory of the file are not aligned, and kernels then round otherwise.
    tensor = tensor.to(getattr(torch, type_name), copy=True)
    return as_channels_last(tensor) if channels_last else tensor


def _type_name(tensor: Tensor) -> str:
    return str(tensor.dtype).removeprefix("torch.")


def _without_auxiliary_heads(
    plan: PrunePlan, spec: dict[str, Any] | None, shapes: Mapping[str, tuple[int, ...]]
) -> tuple[PrunePlan, dict[str, Any], set[str]]:
    if spec is None or "aux" not in spec["options"]:
        raise ArtifactError(
            "deploy: expected a network of segprune.build, found another; save it without deploy=, "
            "or remove what inference does not need before pruning."
        )
    lean = {**spec, "options": {**spec["options"], "aux": False}}
    with torch.random.fork_rng(devices=[]):
        dense = {
            name: tuple(tensor.shape)
            for name, tensor in tensors_of(build(lean["name"], **lean["options"])).items()
        }
    gone = set(shapes) - set(dense)
    result = network_digest({name: shape for name, shape in shapes.items() if name in dense})
    return plan.without(gone, network_digest(dense), result), lean, gone
